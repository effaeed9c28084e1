-- May the caller see how a figure ($2) went, and of which generation is what was kept of it? Permissions are asked for one
-- after the other, in the order in which the statements of dashboard/ do.
-- $2 metric text = 'tasks_done'
-- plan: a few rows, any way
select md5(string_agg(g.generation::text, '' order by g.part, g.slot))::uuid as generation, '' as variant
from tenant.part_generations g
where g.tenant_id = $1
  and g.part = any (array['settings', case $2 when 'projects_created' then 'projects'
                                              when 'tasks_done' then 'tasks'
                                              when 'products_created' then 'products'
                                              when 'members_joined' then 'members' end])
  and g.tenant_id = (select (array_agg(registry.require(p)))[1] from unnest(array['dashboard:read', 'settings:read', case $2
                             when 'projects_created' then 'projects:read'
                             when 'tasks_done' then 'tasks:read'
                             when 'products_created' then 'products:read'
                             when 'members_joined' then 'members:read' end]) p)
