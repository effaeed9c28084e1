-- Door: an account and a membership for somebody who was invited and has none. The token proves the address.
-- Why a door: nobody is signed in yet. RH015 when the address has an account: then its owner signs in first.
create or replace function registry.accept_invitation_as_new(
        invited_to uuid, invitation uuid, invitation_hash bytea, new_user uuid, new_name text, new_hash text) returns uuid
    language plpgsql security definer set search_path = ''
as $$
declare
    invited_email text;
    known registry.users;
begin
    perform registry.refuse_signed_in();
    invited_email := registry.invited_address(invited_to, invitation, invitation_hash);
    if invited_email is null then
        raise exception using errcode = 'RH012', message = 'invitation';
    end if;
    insert into registry.users (id, email, full_name, password_hash, email_verified_at)
    values (new_user, invited_email, new_name, new_hash, now())
    on conflict (email) do nothing;
    if not found then
        select * into known from registry.users u where u.email = invited_email for no key update;
        if known.email_verified_at is not null or not known.active then
            raise exception using errcode = 'RH015', message = 'has an account';
        end if;
        -- Somebody signed up with this address and never confirmed it: it is this caller's, who has.
        new_user := known.id;
        update registry.users u
        set full_name = new_name, password_hash = new_hash, email_verified_at = now()
        where u.id = new_user;
        update registry.mail_tokens m set used_at = now() where m.user_id = new_user and m.used_at is null;
    end if;
    insert into registry.account_events (user_id, kind) values (new_user, 'signed_up');
    return registry.join_tenant(new_user, invited_email, new_name, invited_to, invitation, invitation_hash);
end
$$;
alter function registry.accept_invitation_as_new(uuid, uuid, bytea, uuid, text, text) owner to rowhouse_identity;
revoke all on function registry.accept_invitation_as_new(uuid, uuid, bytea, uuid, text, text) from public;
grant execute on function registry.accept_invitation_as_new(uuid, uuid, bytea, uuid, text, text) to rowhouse_gate;
comment on function registry.accept_invitation_as_new(uuid, uuid, bytea, uuid, text, text) is
    'Nobody is signed in yet; the token proves the address of the account it makes.';
