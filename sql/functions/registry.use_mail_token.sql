-- Door: uses up a link that was sent by e-mail, and all others of its kind, which proves its address. Confirms the address, changes it, or
-- sets a new password and ends every session. A second factor stays: resetting a password is no way around it.
-- What was used stays until it has run out, so that a letter that is tried once more does not make it good again (keep_mail_token).
-- Why a door: the caller has nothing but the link. A hash that is not stored opens nothing.
-- Answers no row when the link is not good: used, expired, replaced or never made; `taken` when another account
-- has the new address by now. `former_email` is where a change of address is told.
create or replace function registry.use_mail_token(purposes text[], link_hash bytea, new_hash text)
    returns table (outcome text, former_email text, email text, full_name text)
    language plpgsql security definer set search_path = ''
as $$
declare
    link registry.mail_tokens;
    account registry.users;
begin
    perform registry.refuse_signed_in();
    -- The account first and its link then, as a change of password does.
    select u.* into account
    from registry.users u join registry.mail_tokens m on m.user_id = u.id
    where m.token_hash = sha256(link_hash) and m.purpose = any (purposes) and u.active
    for no key update of u;
    update registry.mail_tokens m set used_at = now()
    where m.token_hash = sha256(link_hash) and m.purpose = any (purposes) and m.user_id = account.id and m.used_at is null
    returning m.* into link;
    -- A link to an address the account no longer has proves nothing about it.
    if not found or link.expires_at <= now() or link.purpose <> 'change_email' and account.email <> link.email then
        return;
    end if;
    if link.purpose = 'change_email' then
        if exists (select from registry.users u where u.email = link.email and u.id <> account.id) then
            return query select 'taken', account.email, link.email, account.full_name;
            return;
        end if;
        update registry.users u set email = link.email, email_verified_at = now() where u.id = account.id;
        update registry.mail_tokens m set used_at = now() where m.user_id = account.id and m.used_at is null;
        insert into registry.account_events (user_id, kind) values (account.id, 'email_changed');
    elsif link.purpose = 'reset_password' then
        update registry.users u
        set password_hash = new_hash, leans_on_second_factor = false, email_verified_at = coalesce(u.email_verified_at, now())
        where u.id = account.id;
        delete from registry.sessions s where s.user_id = account.id;
        update registry.mail_tokens m set used_at = now() where m.user_id = account.id and m.used_at is null;
        insert into registry.account_events (user_id, kind) values (account.id, 'password_reset');
    else
        update registry.users u set email_verified_at = coalesce(u.email_verified_at, now()) where u.id = account.id;
        update registry.mail_tokens m set used_at = now() where m.user_id = account.id and m.purpose = link.purpose and m.used_at is null;
    end if;
    return query select link.purpose, account.email, link.email, account.full_name;
end
$$;
alter function registry.use_mail_token(text[], bytea, text) owner to rowhouse_identity;
revoke all on function registry.use_mail_token(text[], bytea, text) from public;
grant execute on function registry.use_mail_token(text[], bytea, text) to rowhouse_gate;
comment on function registry.use_mail_token(text[], bytea, text) is
    'The caller has nothing but the link, of which the hash is stored.';
