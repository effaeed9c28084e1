-- Door: notes that the caller has just given password and second factor once more; what is sensitive asks for
-- that (RFC 9470). The seal says that the server has verified it, and the
-- hash that was verified must still be the account's. `forgive` as in registry.open_session.
-- Why a door: the time of authentication is what policies rest on, so nobody may write it by another way.
-- Answers outcome: confirmed, refused, second_factor.
create or replace function registry.authenticate_again(verified_hash text, totp_step bigint, recovery_hash bytea, forgive bytea[], seal text) returns text
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in();
begin
    perform registry.refuse_in_tenant();
    perform registry.sealed('authenticate_again',
                            array[me::text, current_setting('app.session_id'), verified_hash, totp_step::text,
                                  encode(recovery_hash, 'hex')], seal);
    perform from registry.users u where u.id = me and u.password_hash = verified_hash for no key update;
    if not found then
        return 'refused';
    elsif not registry.spend_second_factor(me, totp_step, recovery_hash) then
        return 'second_factor';
    end if;
    update registry.sessions s set authenticated_at = now() where s.user_id = me and s.id = current_setting('app.session_id')::uuid;
    perform registry.throttle_reset(forgive);
    return 'confirmed';
end
$$;
alter function registry.authenticate_again(text, bigint, bytea, bytea[], text) owner to rowhouse_identity;
revoke all on function registry.authenticate_again(text, bigint, bytea, bytea[], text) from public;
grant execute on function registry.authenticate_again(text, bigint, bytea, bytea[], text) to rowhouse_gate;
comment on function registry.authenticate_again(text, bigint, bytea, bytea[], text) is
    'The time of authentication is what policies rest on; it is written by this way alone.';
