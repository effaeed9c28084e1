-- Door: the account behind an e-mail address, for login, before anyone is signed in.
-- Why a door: no user is known yet, so no policy keyed on the user can let the row through; and nobody
-- else may ever read a password hash. Refuses to work inside a signed-in transaction, so an expression
-- smuggled into a tenant's statement cannot use it to look people up, and asks for the server's seal, so nobody else can.
create or replace function registry.find_login(wanted_email text, seal text)
    returns table (user_id uuid, password_hash text, may_sign_in boolean, totp_sealed bytea)
    language plpgsql security definer set search_path = ''
as $$
begin
    perform registry.refuse_signed_in();
    perform registry.sealed('find_login', array[wanted_email], seal);
    return query
        select u.id, u.password_hash, u.active and u.email_verified_at is not null, t.secret_sealed
        from registry.users u
        left join registry.totp t on t.user_id = u.id and t.confirmed_at is not null
        where u.email = wanted_email;
end
$$;
alter function registry.find_login(text, text) owner to rowhouse_identity;
revoke all on function registry.find_login(text, text) from public;
grant execute on function registry.find_login(text, text) to rowhouse_gate;
comment on function registry.find_login(text, text) is
    'Nobody is signed in yet, so no policy keyed on the user can let the account through; only the server may ask.';
