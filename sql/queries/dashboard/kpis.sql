-- The figures of the dashboard, as of one moment. Each is read behind its own table's policy, so whoever may not read a
-- table is told which, and gets no figure; docs/adr/0014. `since` is where stretches of time begin by the tenant's own
-- clock; each part names it, so that dashboard:read is asked for before anything else.
-- plan: index only
with since as materialized (
    select clock.tenant_id, clock.time_zone, clock.low_stock_threshold, ago.days_7, ago.days_14, ago.days_30, ago.days_60,
           registry.first_id_at(ago.days_7) as id_7, registry.first_id_at(ago.days_14) as id_14,
           registry.first_id_at(ago.days_30) as id_30, registry.first_id_at(ago.days_60) as id_60
    from registry.dashboard_clock() clock
    cross join lateral (select now() at time zone clock.time_zone as now) here
    cross join lateral (
        select (here.now - interval '7 days') at time zone clock.time_zone as days_7,
               (here.now - interval '14 days') at time zone clock.time_zone as days_14,
               (here.now - interval '30 days') at time zone clock.time_zone as days_30,
               (here.now - interval '60 days') at time zone clock.time_zone as days_60
    ) ago
)
select now() as as_of, since.time_zone,
       project.*, new_project.*, task.*, done_task.*, product.*, new_product.*, member.*, new_member.*,
       since.low_stock_threshold,
       -- A key is nobody, whom nothing is told, and never asks. Whose they are, their policy says; counted no further.
       case when current_setting('app.user_id') <> '' then (
           select count(*)
           from (
               select from tenant.notifications n where n.tenant_id = $1 and n.read_at is null limit 1000
           ) unread
       ) end as notifications_unread
from since
cross join lateral (
    select count(*) as projects,
           count(*) filter (where p.status = 'planned') as projects_planned,
           count(*) filter (where p.status = 'active') as projects_active,
           count(*) filter (where p.status = 'paused') as projects_paused,
           count(*) filter (where p.status = 'completed') as projects_completed,
           count(*) filter (where p.status = 'archived') as projects_archived
    from tenant.projects p
    where p.tenant_id = $1 and p.tenant_id = since.tenant_id
) project
cross join lateral (
    select count(*) filter (where p.created_at >= since.days_7) as projects_7,
           count(*) filter (where p.created_at >= since.days_14 and p.created_at < since.days_7) as projects_7_before,
           count(*) filter (where p.created_at >= since.days_30) as projects_30,
           count(*) filter (where p.created_at < since.days_30) as projects_30_before
    from tenant.projects p
    where p.tenant_id = $1 and p.created_at >= since.days_60
) new_project
cross join lateral (
    select count(*) filter (where t.status <> 'done') as tasks_open, count(*) filter (where t.status = 'done') as tasks_done
    from tenant.project_tasks t
    where t.tenant_id = $1 and t.tenant_id = since.tenant_id
) task
cross join lateral (
    select count(*) filter (where t.done_at >= since.days_7) as done_7,
           count(*) filter (where t.done_at >= since.days_14 and t.done_at < since.days_7) as done_7_before,
           count(*) filter (where t.done_at >= since.days_30) as done_30,
           count(*) filter (where t.done_at < since.days_30) as done_30_before
    from tenant.project_tasks t
    where t.tenant_id = $1 and t.done_at >= since.days_60
) done_task
cross join lateral (
    select coalesce(sum(c.products), 0)::bigint as products,
           coalesce(sum(c.draft), 0)::bigint as products_draft,
           coalesce(sum(c.active), 0)::bigint as products_active,
           coalesce(sum(c.archived), 0)::bigint as products_archived,
           coalesce(sum(c.in_stock), 0)::bigint as products_in_stock,
           coalesce(sum(c.low), 0)::bigint as products_low,
           coalesce(array_agg(c.currency order by c.currency) filter (where c.amount > 0), '{}') as currencies,
           coalesce(array_agg(c.amount::text order by c.currency) filter (where c.amount > 0), '{}') as amounts
    from (
        select g.currency, count(*) as products,
               count(*) filter (where g.status = 'draft') as draft,
               count(*) filter (where g.status = 'active') as active,
               count(*) filter (where g.status = 'archived') as archived,
               count(*) filter (where g.stock > 0) as in_stock,
               count(*) filter (where g.stock > 0 and g.stock <= since.low_stock_threshold) as low,
               sum(g.price_minor::numeric * g.stock) as amount
        from tenant.products g
        where g.tenant_id = $1 and g.tenant_id = since.tenant_id
        group by g.currency
    ) c
) product
cross join lateral (
    select count(*) filter (where g.id >= since.id_7) as products_7,
           count(*) filter (where g.id >= since.id_14 and g.id < since.id_7) as products_7_before,
           count(*) filter (where g.id >= since.id_30) as products_30,
           count(*) filter (where g.id < since.id_30) as products_30_before
    from tenant.products g
    where g.tenant_id = $1 and g.id >= since.id_60
) new_product
cross join lateral (
    select count(*) as members from tenant.memberships m where m.tenant_id = $1 and m.tenant_id = since.tenant_id
) member
cross join lateral (
    select count(*) filter (where m.created_at >= since.days_7) as members_7,
           count(*) filter (where m.created_at >= since.days_14 and m.created_at < since.days_7) as members_7_before,
           count(*) filter (where m.created_at >= since.days_30) as members_30,
           count(*) filter (where m.created_at < since.days_30) as members_30_before
    from tenant.memberships m
    where m.tenant_id = $1 and m.created_at >= since.days_60
) new_member
