-- Door: keeps the hash of a link that is about to be sent to the caller's new address; the address changes when
-- the link is used. Why a door: whether another account has the address is not the caller's to see. It answers
-- that, and the server tells it to the address alone.
create or replace function registry.change_email(new_email text, link_hash bytea, link_lifetime interval, seal text) returns boolean
    language plpgsql security definer set search_path = ''
as $$
declare
    me uuid := registry.signed_in(within => interval '10 minutes');
begin
    perform registry.refuse_in_tenant();
    perform registry.sealed('change_email',
                            array[me::text, current_setting('app.session_id'), new_email, encode(link_hash, 'hex')], seal);
    if exists (select from registry.users u where u.email = new_email) then
        return false;
    end if;
    perform registry.keep_mail_token(me, 'change_email', new_email, link_hash, link_lifetime);
    return true;
end
$$;
alter function registry.change_email(text, bytea, interval, text) owner to rowhouse_identity;
revoke all on function registry.change_email(text, bytea, interval, text) from public;
grant execute on function registry.change_email(text, bytea, interval, text) to rowhouse_gate;
comment on function registry.change_email(text, bytea, interval, text) is
    'Whether another account has an address is told to the address alone.';
