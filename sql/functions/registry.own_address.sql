-- Door for doors of rowhouse_tenancy alone: the caller's address, which a membership carries, and which an invitation must have
-- been sent to. Why a door: whoever decides about tenants reaches no account.
create or replace function registry.own_address() returns text
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    return (select u.email from registry.users u where u.id = me);
end
$$;
alter function registry.own_address() owner to rowhouse_identity;
revoke all on function registry.own_address() from public;
grant execute on function registry.own_address() to rowhouse_tenancy;
comment on function registry.own_address() is
    'Whoever decides about tenants reaches no account; it tells the address of whoever is signed in.';
