-- Door: who asks in the tenant that is set, the id of a member or of an API key, or an error. Policies on what is a
-- caller's own inside a tenant compare: principal = (select registry.principal()).
-- Why a door: as registry.require, of which it asks everything but a permission; what it answers is the caller's own.
--   RH001, RH002, RH003, RH006, RH007  as there
create or replace function registry.principal() returns uuid
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    who uuid;
    tenant_status text;
begin
    if current_setting('app.user_id') <> '' then
        who := registry.signed_in();
        select m.tenant_status into tenant_status
        from tenant.memberships m
        where m.tenant_id = current_setting('app.tenant_id')::uuid and m.user_id = who;
        if not found then
            raise exception using errcode = 'RH002', message = 'not a member';
        end if;
    else
        select k.id, k.tenant_status into who, tenant_status from registry.presented_key() k;
        if not found then
            raise exception using errcode = 'RH007', message = 'no such key';
        end if;
    end if;
    if tenant_status not in ('trial', 'active') then
        raise exception using errcode = 'RH003', message = tenant_status;
    end if;
    return who;
end
$$;
alter function registry.principal() owner to rowhouse_tenancy;
revoke all on function registry.principal() from public;
grant execute on function registry.principal() to rowhouse_api;
comment on function registry.principal() is
    'Who asks must not depend on what the caller may read; it is answered for the caller alone.';
