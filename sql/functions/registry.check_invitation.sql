-- Trigger with its owner's rights: an invitation is made in the name of whoever makes it, to nobody who is a member already,
-- and carries no more than the inviter holds. Asked once the row is there: of two who invite an address and join with it at
-- once, one sees the other. The inviter's membership is locked, so that a demotion at the same moment comes before, and is
-- seen here, or after, and withdraws what this made (registry.withdraw_invitations).
-- Why with rights of its own: whoever may invite need not see who is a member. It is no door, nobody can call it; it tells
-- of the tenant that is set, and of the address that was invited.
--   RH004  the inviter holds a permission no longer; the message names it
create or replace function registry.check_invitation() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    held text[];
    missing text;
begin
    if coalesce(new.invited_by, new.invited_by_key) is distinct from registry.principal() then
        raise exception using errcode = 'insufficient_privilege', message = 'not in another''s name';
    end if;
    if exists (select from tenant.memberships m where m.tenant_id = new.tenant_id and m.email = new.email) then
        raise unique_violation using
            constraint = 'invitations_member_key', schema = tg_table_schema, table = tg_table_name, message = 'a member already';
    end if;
    if new.invited_by is not null then
        select m.permissions into held
        from tenant.memberships m
        where m.tenant_id = new.tenant_id and m.user_id = new.invited_by
        for share;
        select p into missing from unnest(new.permissions) as p where held is null or not p = any (held) limit 1;
        if found then
            raise exception using errcode = 'RH004', message = missing;
        end if;
    end if;
    return null;
end
$$;
alter function registry.check_invitation() owner to rowhouse_tenancy;
revoke all on function registry.check_invitation() from public;
comment on function registry.check_invitation() is
    'Whoever may invite need not see who is a member; it tells whether the address that is invited is one''s.';
