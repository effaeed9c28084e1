-- Door: the permissions the caller holds in the tenant that is set. For the trigger that lets nobody grant
-- what they do not hold; what it answers is the caller's own.
create or replace function registry.caller_permissions() returns text[]
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    if current_setting('app.user_id') <> '' then
        return (select m.permissions from tenant.memberships m
                where m.tenant_id = registry.require(null) and m.user_id = current_setting('app.user_id')::uuid);
    end if;
    return (select k.permissions from registry.presented_key() k);
end
$$;
alter function registry.caller_permissions() owner to rowhouse_tenancy;
revoke all on function registry.caller_permissions() from public;
grant execute on function registry.caller_permissions() to rowhouse_api;
comment on function registry.caller_permissions() is
    'What a caller holds must not depend on what the caller may read; it is answered for the caller alone.';
