-- Door for doors of rowhouse_tenancy alone: whether an address has an account whose owner has confirmed it. registry.find_invitation
-- tells whoever holds the invitation that was sent there. Why a door: whoever decides about tenants reaches no account.
create or replace function registry.has_account(address text) returns boolean
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    return exists (select from registry.users u where u.email = address and u.email_verified_at is not null);
end
$$;
alter function registry.has_account(text) owner to rowhouse_identity;
revoke all on function registry.has_account(text) from public;
grant execute on function registry.has_account(text) to rowhouse_tenancy;
comment on function registry.has_account(text) is
    'Whoever decides about tenants reaches no account; it tells yes or no of one address.';
