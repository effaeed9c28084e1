-- tenant.generations: walled; read by whoever belongs to the tenant, written by a trigger alone. It tells that something
-- has changed and not what.
alter table tenant.generations enable row level security;
alter table tenant.generations force row level security;

create policy wall on tenant.generations as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));

create policy read on tenant.generations for select to rowhouse_api
    using (tenant_id = (select registry.require(null)));

-- registry.begin_generations, for a tenant that is being founded, and registry.note_change, for whichever has changed: a
-- member may join or leave while no tenant is set.
create policy found on tenant.generations for insert to rowhouse_writers
    with check (slot between 1 and 8);
create policy note on tenant.generations for select to rowhouse_writers
    using (true);
create policy change on tenant.generations for update to rowhouse_writers
    using (true);

grant select on tenant.generations to rowhouse_api;
grant select, update (products, projects, tasks, members, settings), insert (tenant_id, slot) on tenant.generations to rowhouse_writers;
