-- What caches go by: a generation for each part of a tenant, another one after each change, written in the transaction
-- that makes the change. What was kept under the generation that stands here now is as good as the rows themselves
-- (docs/adr/0015). Random and not counted up, so that a database brought back from a backup repeats none.
--
-- Eight rows a tenant, of which a writer takes one that nobody else is writing: two changes of one tenant do not wait for
-- each other. All eight together are the generation.
create table tenant.generations (
    tenant_id uuid     not null constraint generations_tenant_fkey references registry.tenants (id),
    slot      smallint not null constraint generations_slot_check check (slot between 1 and 8),
    products  uuid     not null default gen_random_uuid(),
    projects  uuid     not null default gen_random_uuid(),
    tasks     uuid     not null default gen_random_uuid(),
    members   uuid     not null default gen_random_uuid(),
    settings  uuid     not null default gen_random_uuid(),
    constraint generations_pkey primary key (tenant_id, slot)
-- No index has to follow a change, so there is room for the next version beside each row.
) with (fillfactor = 40);

set local role rowhouse_migrator;
insert into tenant.generations (tenant_id, slot) select t.id, s.slot from registry.tenants t cross join generate_series(1, 8) s (slot);
set local role rowhouse_owner;
