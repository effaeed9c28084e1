-- Not a door: whether whoever likes may make an account. Open unless an operator has said otherwise. Runs with the rights
-- of whoever asks: registry.sign_up, which decides, and the server, which would rather know before it hashes a password.
create or replace function registry.signup_is_open() returns boolean
    language plpgsql stable parallel safe set search_path = ''
as $$
begin
    return coalesce((select s.value::boolean from registry.platform_settings s where s.key = 'signup.open'), true);
end
$$;
alter function registry.signup_is_open() owner to rowhouse_owner;
revoke all on function registry.signup_is_open() from public;
grant execute on function registry.signup_is_open() to rowhouse_gate, rowhouse_identity;
