-- Door: the tenant in which the caller may do this, which is the one that is set, or an error. Policies
-- compare: tenant_id = (select registry.require('projects:read')).
-- Why it answers the tenant and not true: a condition that reads no column is asked of each row found, and
-- where none is found it is never asked; a tenant that does not exist would look like one without rows.
-- A comparison with the tenant is taken up by the planner before the first row (an index condition, or a
-- one-time filter beside the wall's), and inside (select …) it is asked once a statement. docs/adr/0003.
-- Why a door: the answer must not depend on what the caller may read (members:read, roles:read).
-- Answers from the membership and the seat at every call, so a revoked member, an ended session and a
-- revoked key are out at the next statement, whatever the token says. One row says what a caller may: what it
-- carries of role, tenant and account is kept true by foreign keys. Another says that their session is open: the seat,
-- kept true by triggers, so that both are rows of the tenant that is set (docs/adr/0023). plpgsql, because it keeps its
-- plan; a `language sql` definer is planned anew at each call.
-- Asked first is the seat alone, which says what the membership does (docs/adr/0035): it is enough where all is well. Otherwise both are
-- read, and what is wrong is said as the membership has it.
-- The caller is a user with a session (app.user_id, app.session_id), or, where app.user_id is empty, an API
-- key (registry.presented_key). Null asks for membership alone (registry.require_person).
-- Raises instead of answering false: a refusal must never look like an empty list.
--   RH001  the account is deactivated
--   RH002  not a member of this tenant (or no such tenant)
--   RH003  the tenant is not open; the message is its status
--   RH004  the permission is missing; the message names it
--   RH006  the session has ended or expired
--   RH007  the API key is not one, was revoked, or has expired
--   RH061  a payment is overdue, and whoever does not pay may not do this; the message is the tenant's status
create or replace function registry.require(permission text) returns uuid
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    wanted_tenant uuid := current_setting('app.tenant_id')::uuid;
    held text[];
    tenant_status text;
    account_active boolean;
    session_open boolean;
begin
    if current_setting('app.user_id') <> '' then
        perform from tenant.seats s
        where s.tenant_id = wanted_tenant
          and s.user_id = current_setting('app.user_id')::uuid
          and s.session_hash = sha256(uuid_send(current_setting('app.session_id')::uuid))
          and s.open_until > now()
          and s.account_active
          and s.tenant_status in ('trial', 'active')
          and (permission is null or permission = any (s.permissions));
        if found then
            return wanted_tenant;
        end if;

        select m.permissions, m.tenant_status, m.account_active,
               exists (select from tenant.seats s
                       where s.tenant_id = m.tenant_id and s.user_id = m.user_id
                         and s.session_hash = sha256(uuid_send(current_setting('app.session_id')::uuid))
                         and s.open_until > now())
        into held, tenant_status, account_active, session_open
        from tenant.memberships m
        where m.tenant_id = wanted_tenant
          and m.user_id = current_setting('app.user_id')::uuid;

        if not found then
            -- Whoever has no session learns nothing of memberships: asked of the directory, on the way out.
            perform registry.signed_in();
            raise exception using errcode = 'RH002', message = 'not a member';
        elsif not account_active then
            raise exception using errcode = 'RH001', message = 'account deactivated';
        elsif not session_open then
            raise exception using errcode = 'RH006', message = 'session ended';
        end if;
    else
        select k.permissions, k.tenant_status into held, tenant_status from registry.presented_key() k;
        if not found then
            raise exception using errcode = 'RH007', message = 'no such key';
        end if;
    end if;
    if tenant_status not in ('trial', 'active') then
        perform registry.refuse_unless_open(tenant_status, permission);
    end if;
    if permission is not null and not permission = any (held) then
        raise exception using errcode = 'RH004', message = permission;
    end if;
    return wanted_tenant;
end
$$;
alter function registry.require(text) owner to rowhouse_tenancy;
revoke all on function registry.require(text) from public;
grant execute on function registry.require(text) to rowhouse_api, rowhouse_billing;
comment on function registry.require(text) is
    'What a caller may do must not depend on what the caller may read.';
