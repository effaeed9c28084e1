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
-- The same for the version before; it goes with tenant.generations, a release later.
update tenant.generations g
set products = gen_random_uuid(), projects = gen_random_uuid(), tasks = gen_random_uuid(), members = gen_random_uuid(),
    settings = gen_random_uuid()
from (select tenant_id from tenant.generations where slot = 8 for update skip locked) free
where g.tenant_id = free.tenant_id and g.slot = 8;
insert into tenant.generations (tenant_id, slot)
select t.id, s.slot from registry.tenants t cross join generate_series(1, 8) s (slot) on conflict do nothing;
-- The same for its place in the workers' line.
insert into tenant.job_heads (tenant_id, tenant_status) select id, status from registry.tenants on conflict do nothing;
