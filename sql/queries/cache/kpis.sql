-- May the caller see the figures of the dashboard, and of which generation is what was kept of them? How much the caller
-- has not read is a variant: for a key, which nothing is told, none. Permissions are asked for one after the other, in the
-- order in which dashboard/kpis does.
-- plan: a few rows, any way
select md5(string_agg(g.generation::text, '' order by g.part, g.slot))::uuid as generation,
       coalesce(case when current_setting('app.user_id') <> '' then (
           select count(*)
           from (
               select from tenant.notifications n where n.tenant_id = $1 and n.read_at is null limit 1000
           ) unread
       ) end::text, '') as variant
from tenant.part_generations g
where g.tenant_id = $1 and g.part = any (array['products', 'projects', 'tasks', 'members', 'settings'])
  and g.tenant_id = (select registry.require_each(
                         array['dashboard:read', 'settings:read', 'projects:read', 'tasks:read', 'products:read', 'members:read']))
