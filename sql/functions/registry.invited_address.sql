-- Door for doors of rowhouse_identity alone: the address that an invitation was sent to, for whoever holds its token; null when
-- there is no such invitation. Why a door: whoever makes accounts reaches nothing of a tenant.
create or replace function registry.invited_address(invited_to uuid, invitation uuid, invitation_hash bytea) returns text
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    return (select i.email from tenant.invitations i
            where i.tenant_id = invited_to and i.id = invitation and i.token_hash = sha256(invitation_hash) and i.expires_at > now());
end
$$;
alter function registry.invited_address(uuid, uuid, bytea) owner to rowhouse_tenancy;
revoke all on function registry.invited_address(uuid, uuid, bytea) from public;
grant execute on function registry.invited_address(uuid, uuid, bytea) to rowhouse_identity;
comment on function registry.invited_address(uuid, uuid, bytea) is
    'Whoever makes accounts reaches nothing of a tenant; it tells the address to whoever holds what was sent there.';
