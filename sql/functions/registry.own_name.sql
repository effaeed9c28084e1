-- Door for doors of rowhouse_tenancy alone: the caller's name, which a membership carries. Why a door: whoever decides about
-- tenants reaches no account.
create or replace function registry.own_name() returns text
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    return (select u.full_name from registry.users u where u.id = me);
end
$$;
alter function registry.own_name() owner to rowhouse_identity;
revoke all on function registry.own_name() from public;
grant execute on function registry.own_name() to rowhouse_tenancy;
comment on function registry.own_name() is
    'Whoever decides about tenants reaches no account; it tells the name of whoever is signed in.';
