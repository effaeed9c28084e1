-- Door for doors of rowhouse_tenancy alone: the caller's account is theirs until the transaction ends, so that what may be
-- done ten times a day is counted by one after the other (registry.create_tenant).
-- Why a door: to lock an account asks for the right to change it. It locks for whoever is signed in, and answers nothing.
create or replace function registry.hold_account() returns void
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    perform from registry.users u where u.id = me for no key update;
end
$$;
alter function registry.hold_account() owner to rowhouse_identity;
revoke all on function registry.hold_account() from public;
grant execute on function registry.hold_account() to rowhouse_tenancy;
comment on function registry.hold_account() is
    'To lock an account asks for the right to change it; it locks the caller''s own and answers nothing.';
