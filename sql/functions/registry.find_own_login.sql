-- Door: the caller's own password hash and second factor, for giving them once more.
-- Why a door: nobody who serves may read a password hash, and this one is the caller's alone.
create or replace function registry.find_own_login()
    returns table (user_id uuid, email text, password_hash text, totp_sealed bytea)
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    perform registry.refuse_in_tenant();
    return query
        select u.id, u.email, u.password_hash, t.secret_sealed
        from registry.users u
        left join registry.totp t on t.user_id = u.id and t.confirmed_at is not null
        where u.id = registry.signed_in();
end
$$;
alter function registry.find_own_login() owner to rowhouse_doors;
revoke all on function registry.find_own_login() from public;
grant execute on function registry.find_own_login() to rowhouse_gate;
comment on function registry.find_own_login() is
    'Nobody who serves may read a password hash; this is the caller''s own.';
