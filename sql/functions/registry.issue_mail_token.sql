-- Door: keeps the hash of a link that is about to be sent to somebody who is not signed in: to reset a password
-- (active accounts), or to confirm an address (accounts that have not yet). See keep_mail_token for which links are good.
-- Called when the letter is sent, each time that is tried: the same hash is kept once.
-- Why a door: nobody is signed in, and the seal says that the link is one the server sends. It answers whether there is
-- such an account, and its owner's name for the
-- letter; the server tells that to the address alone.
create or replace function registry.issue_mail_token(link_purpose text, wanted_email text, link_hash bytea, link_lifetime interval, seal text)
    returns table (full_name text)
    language plpgsql security definer set search_path = ''
as $$
declare
    account registry.users;
begin
    perform registry.refuse_signed_in();
    perform registry.sealed('issue_mail_token', array[link_purpose, wanted_email, encode(link_hash, 'hex')], seal);
    select * into account
    from registry.users u
    where u.email = wanted_email and u.active
      and case link_purpose when 'reset_password' then true
                            when 'verify_email' then u.email_verified_at is null
                            else false end;
    if found then
        perform registry.keep_mail_token(account.id, link_purpose, wanted_email, link_hash, link_lifetime);
        return query select account.full_name;
    end if;
end
$$;
alter function registry.issue_mail_token(text, text, bytea, interval, text) owner to rowhouse_identity;
revoke all on function registry.issue_mail_token(text, text, bytea, interval, text) from public;
-- For whoever sends the letter that somebody asked for; the version before asks as the gate.
grant execute on function registry.issue_mail_token(text, text, bytea, interval, text) to rowhouse_gate, rowhouse_worker;
comment on function registry.issue_mail_token(text, text, bytea, interval, text) is
    'Nobody is signed in; what it knows of accounts goes to their addresses alone.';
