-- Door: the caller's own password hash and second factor, for giving them once more.
-- Why a door: nobody who serves may read a password hash, and this one is the caller's alone; only the
-- server may ask, which verifies a password with it.
create or replace function registry.find_own_login(seal text)
    returns table (user_id uuid, email text, password_hash text, totp_sealed bytea)
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    perform registry.refuse_in_tenant();
    perform registry.sealed('find_own_login', array[me::text, current_setting('app.session_id')], seal);
    return query
        select u.id, u.email, u.password_hash, t.secret_sealed
        from registry.users u
        left join registry.totp t on t.user_id = u.id and t.confirmed_at is not null
        where u.id = me;
end
$$;
alter function registry.find_own_login(text) owner to rowhouse_identity;
revoke all on function registry.find_own_login(text) from public;
grant execute on function registry.find_own_login(text) to rowhouse_gate;
comment on function registry.find_own_login(text) is
    'Nobody who serves may read a password hash; this is the caller''s own.';
