-- Door: the permissions the caller holds in the tenant that is set, whether it is open or not; null for whoever is no member. For
-- the trigger that lets nobody grant what they do not hold; what it answers is the caller's own.
create or replace function registry.caller_permissions() returns text[]
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    held text[];
    seated boolean;
begin
    if current_setting('app.user_id') <> '' then
        select m.permissions,
               exists (select from tenant.seats s
                       where s.tenant_id = m.tenant_id and s.user_id = m.user_id
                         and s.session_hash = sha256(uuid_send(current_setting('app.session_id')::uuid))
                         and s.open_until > now())
        into held, seated
        from tenant.memberships m
        where m.tenant_id = current_setting('app.tenant_id')::uuid and m.user_id = current_setting('app.user_id')::uuid;
        if found and not seated then
            raise exception using errcode = 'RH006', message = 'session ended';
        end if;
        return held;
    end if;
    return (select k.permissions from registry.presented_key() k);
end
$$;
alter function registry.caller_permissions() owner to rowhouse_tenancy;
revoke all on function registry.caller_permissions() from public;
grant execute on function registry.caller_permissions() to rowhouse_api;
comment on function registry.caller_permissions() is
    'What a caller holds must not depend on what the caller may read; it is answered for the caller alone.';
