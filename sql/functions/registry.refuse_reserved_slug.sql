-- Trigger, not a door: no tenant takes a label that is reserved, whoever makes it. One that has it from before keeps it.
create or replace function registry.refuse_reserved_slug() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    if registry.reserved_slug(new.slug) then
        raise exception using
            errcode = 'check_violation', constraint = 'tenants_slug_reserved',
            schema = tg_table_schema, table = tg_table_name, message = 'reserved';
    end if;
    return new;
end
$$;
alter function registry.refuse_reserved_slug() owner to rowhouse_owner;
revoke all on function registry.refuse_reserved_slug() from public;
