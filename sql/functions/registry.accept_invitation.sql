-- Door: the caller, who has an account, becomes a member by an invitation sent to their address.
-- Why a door: whoever is invited is no member yet. See join_tenant for what is refused.
create or replace function registry.accept_invitation(invited_to uuid, invitation uuid, invitation_hash bytea) returns uuid
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    perform registry.refuse_in_tenant();
    return registry.join_tenant(me, registry.own_address(), registry.own_name(), invited_to, invitation, invitation_hash);
end
$$;
alter function registry.accept_invitation(uuid, uuid, bytea) owner to rowhouse_tenancy;
revoke all on function registry.accept_invitation(uuid, uuid, bytea) from public;
grant execute on function registry.accept_invitation(uuid, uuid, bytea) to rowhouse_gate;
comment on function registry.accept_invitation(uuid, uuid, bytea) is
    'Whoever is invited is no member yet; the token was sent to the caller''s own address.';
