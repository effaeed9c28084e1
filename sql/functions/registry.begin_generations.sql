-- Trigger with its owner's rights: a tenant has its generations from the first moment.
-- Why with rights of its own: whoever founds tenants may not set a generation. It is no door, nobody can call it.
create or replace function registry.begin_generations() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    insert into tenant.part_generations (tenant_id, part) select new.id, p.part from registry.kept_parts() p (part);
    -- Nothing reads them any more; they go with tenant.generations, a release later.
    insert into tenant.generations (tenant_id, slot) select new.id, s.slot from generate_series(1, 8) s (slot);
    return null;
end
$$;
alter function registry.begin_generations() owner to rowhouse_writers;
revoke all on function registry.begin_generations() from public;
comment on function registry.begin_generations() is
    'Whoever founds tenants may not set a generation; it makes those of the tenant that is being made.';
