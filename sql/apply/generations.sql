-- What was kept before may have been worked out by other functions, or while triggers were off: it counts no more. Of a
-- slot that somebody is writing, another generation is on its way already. A tenant that was founded between the migration
-- that made the table and the trigger has its own from here on.
update tenant.part_generations g set generation = gen_random_uuid()
from (select tenant_id, part from tenant.part_generations where slot = 0 for update skip locked) free
where g.tenant_id = free.tenant_id and g.part = free.part and g.slot = 0;
-- Those that were made because many were writing at once.
delete from tenant.part_generations g
using (select tenant_id, part, slot from tenant.part_generations where slot > 0 for update skip locked) free
where g.tenant_id = free.tenant_id and g.part = free.part and g.slot = free.slot;
insert into tenant.part_generations (tenant_id, part)
select t.id, p.part from registry.tenants t cross join registry.kept_parts() p (part) on conflict do nothing;
-- Nothing reads these any more; they go with tenant.generations, a release later.
insert into tenant.generations (tenant_id, slot)
select t.id, s.slot from registry.tenants t cross join generate_series(1, 8) s (slot) on conflict do nothing;
-- The same for its place in the workers' line.
insert into tenant.job_heads (tenant_id, tenant_status) select id, status from registry.tenants on conflict do nothing;
-- The same for what it is on, and what follows from that.
insert into tenant.subscriptions (tenant_id, id, plan, plan_version, period, currency, amount_minor, state, trial_ends_at, due_at, anchor_at, period_starts_at)
select t.id, registry.new_id(), p.code, p.version, coalesce(r.period, 'month'), coalesce(r.currency, 'EUR'), coalesce(r.amount_minor, 0),
       case when t.status = 'trial' then 'trialing' else 'active' end, u.trial_ends_at, u.trial_ends_at,
       case when t.status <> 'trial' then now() end, case when t.status <> 'trial' then now() end
from registry.tenants t
cross join registry.plans p
left join lateral (select x.* from registry.plan_prices x where x.code = p.code and x.version = p.version
                   order by x.period, x.currency <> 'EUR', x.currency limit 1) r on true
cross join lateral (select case when t.status = 'trial' then coalesce(t.trial_ends_at, now() + make_interval(days => p.trial_days)) end as trial_ends_at) u
where p.is_default and not exists (select from tenant.subscriptions s where s.tenant_id = t.id);
