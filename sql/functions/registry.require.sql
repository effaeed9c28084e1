-- Door: may the caller do this here? Asked by the policies, once a statement, from inside (select …).
-- Why a door: the answer must not depend on what the caller may read (members:read, roles:read).
-- Answers from the membership at every call, so a revoked member is out at the next statement, whatever
-- the token says. One row says it all: what it carries of role, tenant and account is kept true by foreign
-- keys. plpgsql, because it keeps its plan; a `language sql` definer is planned anew at each call.
-- Raises instead of answering false: a refusal must never look like an empty list.
--   RH001  the account is deactivated
--   RH002  not a member of this tenant (or no such tenant)
--   RH003  the tenant is not open; the message is its status
--   RH004  the permission is missing; the message names it
create or replace function registry.require(permission text) returns boolean
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    held text[];
    tenant_status text;
    account_active boolean;
begin
    select m.permissions, m.tenant_status, m.account_active
    into held, tenant_status, account_active
    from tenant.memberships m
    where m.tenant_id = current_setting('app.tenant_id')::uuid
      and m.user_id = current_setting('app.user_id')::uuid;

    if not found then
        raise exception using errcode = 'RH002', message = 'not a member';
    elsif not account_active then
        raise exception using errcode = 'RH001', message = 'account deactivated';
    elsif tenant_status not in ('trial', 'active') then
        raise exception using errcode = 'RH003', message = tenant_status;
    elsif not permission = any (held) then
        raise exception using errcode = 'RH004', message = permission;
    end if;
    return true;
end
$$;
alter function registry.require(text) owner to rowhouse_doors;
revoke all on function registry.require(text) from public;
grant execute on function registry.require(text) to rowhouse_api;
