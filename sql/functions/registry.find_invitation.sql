-- Door: what an invitation is for, for whoever holds its token: the tenant's name, the address it was sent to,
-- the role, and whether that address has an account.
-- Why a door: whoever is invited is no member yet. It is found by tenant and id, which the token carries, and
-- only with the token's hash; the address that is told about is the one the token was sent to.
create or replace function registry.find_invitation(invited_to uuid, invitation uuid, invitation_hash bytea)
    returns table (tenant_name text, slug text, email text, role text, expires_at timestamptz, has_account boolean)
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    perform registry.refuse_signed_in();
    return query
        select t.name, t.slug, i.email, r.name, i.expires_at,
               registry.has_account(i.email)
        from tenant.invitations i
        join registry.tenants t on t.id = i.tenant_id
        join tenant.roles r on r.tenant_id = i.tenant_id and r.id = i.role_id
        where i.tenant_id = invited_to and i.id = invitation and i.token_hash = sha256(invitation_hash) and i.expires_at > now()
          and t.status in ('trial', 'active');
end
$$;
alter function registry.find_invitation(uuid, uuid, bytea) owner to rowhouse_tenancy;
revoke all on function registry.find_invitation(uuid, uuid, bytea) from public;
grant execute on function registry.find_invitation(uuid, uuid, bytea) to rowhouse_gate;
comment on function registry.find_invitation(uuid, uuid, bytea) is
    'Whoever is invited is no member yet; the token was sent to the address that is told about.';
