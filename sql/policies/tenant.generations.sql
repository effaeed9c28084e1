comment on table tenant.generations is
    'Walled; read by whoever belongs to the tenant, written by a trigger alone. It tells that something has changed and not what.';
alter table tenant.generations enable row level security;
alter table tenant.generations force row level security;

create policy wall on tenant.generations as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.generations is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_members on tenant.generations for select to rowhouse_api
    using (tenant_id = (select registry.require(null)));
comment on policy select_members on tenant.generations is
    'Whoever belongs to the tenant that is set, whatever they hold: it tells that something has changed and not what.';

create policy insert_found on tenant.generations for insert to rowhouse_writers
    with check (slot between 1 and 8);
comment on policy insert_found on tenant.generations is 'registry.begin_generations, for a tenant that is being founded.';

grant select on tenant.generations to rowhouse_api;
grant insert (tenant_id, slot) on tenant.generations to rowhouse_writers;
