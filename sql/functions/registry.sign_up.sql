-- Door: a new account, with a link to be sent to its address, and, with an organization, a tenant of which it is
-- the owner; in one transaction.
-- Why a door: nobody is signed in yet, and the seal says that the link is one the server sends. It answers whether the address is taken, which the server tells nobody
-- but the address itself. An account whose address was never confirmed
-- may have been made by somebody else, or be about to be taken over by somebody who signs up with it once more: then no
-- password that was typed counts any longer, and the link lets its owner choose one. Links that confirm the address are
-- gone with it; the last that choose a password stay good, whoever signs up once more.
-- Answers: created, renewed, exists.
--   RH021  sign-up is closed
create or replace function registry.sign_up(
        new_user uuid, wanted_email text, new_name text, new_hash text, nobodys_hash text, link_hash bytea, link_lifetime interval,
        new_tenant uuid, organization text, slugs text[], role_ids uuid[], seal text)
    returns text
    language plpgsql security definer set search_path = ''
as $$
declare
    known registry.users;
    outcome text := 'created';
begin
    perform registry.refuse_signed_in();
    perform registry.sealed('sign_up', array[new_user::text, wanted_email, new_hash, nobodys_hash, encode(link_hash, 'hex')], seal);
    if not registry.signup_is_open() then
        raise exception using errcode = 'RH021', message = 'sign-up is closed';
    end if;
    insert into registry.users (id, email, full_name, password_hash) values (new_user, wanted_email, new_name, new_hash)
    on conflict (email) do nothing;
    if not found then
        select * into known from registry.users u where u.email = wanted_email for no key update;
        if known.email_verified_at is not null or not known.active then
            return 'exists';
        end if;
        new_user := known.id;
        outcome := 'renewed';
        update registry.users u set password_hash = nobodys_hash, full_name = new_name where u.id = new_user;
        update registry.mail_tokens m set used_at = now()
        where m.user_id = new_user and m.purpose <> 'reset_password' and m.used_at is null;
    else
        insert into registry.account_events (user_id, kind) values (new_user, 'signed_up');
    end if;
    perform registry.keep_mail_token(new_user, case outcome when 'created' then 'verify_email' else 'reset_password' end,
                                     wanted_email, link_hash, link_lifetime);
    if organization is not null and not registry.has_founded(new_user) then
        perform registry.found_tenant(new_user, wanted_email, new_name, new_tenant, organization, slugs, role_ids);
    end if;
    return outcome;
end
$$;
alter function registry.sign_up(uuid, text, text, text, text, bytea, interval, uuid, text, text[], uuid[], text) owner to rowhouse_identity;
revoke all on function registry.sign_up(uuid, text, text, text, text, bytea, interval, uuid, text, text[], uuid[], text) from public;
grant execute on function registry.sign_up(uuid, text, text, text, text, bytea, interval, uuid, text, text[], uuid[], text) to rowhouse_gate;
comment on function registry.sign_up(uuid, text, text, text, text, bytea, interval, uuid, text, text[], uuid[], text) is
    'Nobody is signed in yet; it makes an account that nobody can use before its address is confirmed.';
