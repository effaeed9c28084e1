-- Door: a new password for the caller, who has given the old one lately; every other session ends, and links
-- that would set another password or address are gone. `leans` says that it is too short to be the only factor.
-- Why a door: nobody who serves may write a password hash; this one the server has made and sealed.
create or replace function registry.change_password(new_hash text, leans boolean, seal text) returns void
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in(within => interval '10 minutes');
begin
    perform registry.refuse_in_tenant();
    perform registry.sealed('change_password',
                            array[me::text, current_setting('app.session_id'), new_hash, leans::text], seal);
    perform from registry.users u where u.id = me for no key update;
    if leans and not exists (select from registry.totp t where t.user_id = me and t.confirmed_at is not null) then
        raise exception using errcode = 'RH017', message = 'short password';
    end if;
    update registry.users u set password_hash = new_hash, leans_on_second_factor = leans where u.id = me;
    delete from registry.sessions s where s.user_id = me and s.id <> current_setting('app.session_id')::uuid;
    update registry.mail_tokens m set used_at = now() where m.user_id = me and m.used_at is null;
    insert into registry.account_events (user_id, kind, session_id)
    values (me, 'password_changed', registry.session_handle(current_setting('app.session_id')::uuid));
end
$$;
alter function registry.change_password(text, boolean, text) owner to rowhouse_identity;
revoke all on function registry.change_password(text, boolean, text) from public;
grant execute on function registry.change_password(text, boolean, text) to rowhouse_gate;
comment on function registry.change_password(text, boolean, text) is
    'Nobody who serves may write a password hash; this is the caller''s own.';
