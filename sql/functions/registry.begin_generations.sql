-- Trigger, not a door: runs with the rights of whoever makes the tenant, which has its generations from the first moment.
create or replace function registry.begin_generations() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    insert into tenant.generations (tenant_id, slot) select new.id, s.slot from generate_series(1, 8) s (slot);
    return null;
end
$$;
alter function registry.begin_generations() owner to rowhouse_owner;
revoke all on function registry.begin_generations() from public;
