comment on table tenant.part_generations is
    'Walled; read by whoever belongs to the tenant, written by a trigger alone. It tells that something has changed and not what.';
alter table tenant.part_generations enable row level security;
alter table tenant.part_generations force row level security;

create policy wall on tenant.part_generations as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.part_generations is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_members on tenant.part_generations for select to rowhouse_api
    using (tenant_id = (select registry.require(null)));
comment on policy select_members on tenant.part_generations is
    'Whoever belongs to the tenant that is set, whatever they hold: it tells that something has changed and not what.';

create policy insert_triggers on tenant.part_generations for insert to rowhouse_writers
    with check (slot >= 0);
comment on policy insert_triggers on tenant.part_generations is
    'registry.begin_generations, for a tenant that is being founded, and registry.note_changes, where others are writing those that are there.';
create policy select_triggers on tenant.part_generations for select to rowhouse_writers
    using (true);
comment on policy select_triggers on tenant.part_generations is
    'registry.note_changes, for whichever tenant has changed: a member may join or leave while no tenant is set.';
create policy update_triggers on tenant.part_generations for update to rowhouse_writers
    using (true);
comment on policy update_triggers on tenant.part_generations is 'registry.note_changes, for whichever tenant has changed.';

grant select on tenant.part_generations to rowhouse_api;
grant select, update (generation), insert (tenant_id, part, slot) on tenant.part_generations to rowhouse_writers;
