-- Door: whether somebody has signed in to the account behind an address with this device, in the last year: tries from there
-- are counted by device, and not with what others try.
-- Why a door: nobody is signed in yet. It answers for whoever holds the device's token; a hash that is not stored is known to
-- no account, and what is stored is a hash of what is presented.
create or replace function registry.known_device(wanted_email text, device_hash bytea) returns boolean
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    perform registry.refuse_signed_in();
    return exists (
        select from registry.users u
        join registry.devices d on d.user_id = u.id
        where u.email = wanted_email and d.token_hash = sha256(device_hash) and d.created_at > now() - interval '1 year');
end
$$;
alter function registry.known_device(text, bytea) owner to rowhouse_identity;
revoke all on function registry.known_device(text, bytea) from public;
grant execute on function registry.known_device(text, bytea) to rowhouse_gate;
comment on function registry.known_device(text, bytea) is
    'Nobody is signed in yet; it answers for whoever holds the token of a device that has signed in before.';
