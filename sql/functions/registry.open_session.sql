-- Door: begins a session for somebody whose password the server has just verified against `verified_hash`.
-- Why a door: nobody is signed in yet. That the server has verified it says the seal; a hash that somebody has read opens
-- nothing. The hash must still be the account's, so a password changed, an account
-- deactivated or a second factor added while the server was hashing is not walked past. Which tenant it acts in is chosen
-- by registry.choose_tenant, in the session that was opened. `new_hash` replaces the stored one when parameters have
-- risen. `forgive` are the counters for registry.throttle_reset.
-- Answers outcome: opened, refused (account or hash no longer hold), second_factor (missing, wrong or used).
create or replace function registry.open_session(
        who uuid, verified_hash text, new_hash text, totp_step bigint, recovery_hash bytea,
        new_session uuid, refresh_hash bytea, session_kind text, client_device text, client_address text,
        idle interval, lifetime interval, forgive bytea[], seal text)
    returns table (outcome text, expires_at timestamptz)
    language plpgsql security definer set search_path = ''
as $$
begin
    perform registry.refuse_signed_in();
    perform registry.sealed('open_session',
                            array[who::text, verified_hash, new_hash, totp_step::text, encode(recovery_hash, 'hex'),
                                  new_session::text, encode(refresh_hash, 'hex'), session_kind], seal);
    perform from registry.users u
    where u.id = who and u.password_hash = verified_hash and u.active and u.email_verified_at is not null
    for no key update;
    if not found then
        return query select 'refused', null::timestamptz;
        return;
    end if;
    if not registry.spend_second_factor(who, totp_step, recovery_hash) then
        return query select 'second_factor', null::timestamptz;
        return;
    end if;
    if new_hash is not null then
        update registry.users u set password_hash = new_hash where u.id = who;
    end if;

    -- What has run out is over; here it is put away, as much as does not keep its owner waiting.
    delete from registry.sessions s
    where s.user_id = who
      and s.id in (select o.id from registry.sessions o
                   where o.user_id = who and (o.idle_until <= now() or o.expires_at <= now())
                   limit 100);
    insert into registry.sessions (id, user_id, kind, device, address, idle_until, expires_at)
    values (new_session, who, session_kind, client_device, client_address,
            least(now() + idle, now() + lifetime), now() + lifetime);
    if refresh_hash is not null then
        insert into registry.refresh_tokens (token_hash, user_id, session_id) values (sha256(refresh_hash), who, new_session);
    end if;
    insert into registry.account_events (user_id, kind, session_id, address)
    values (who, 'signed_in', registry.session_handle(new_session), client_address);
    perform registry.throttle_reset(forgive);
    return query select 'opened', now() + lifetime;
end
$$;
alter function registry.open_session(uuid, text, text, bigint, bytea, uuid, bytea, text, text, text, interval, interval, bytea[], text)
    owner to rowhouse_identity;
revoke all on function registry.open_session(uuid, text, text, bigint, bytea, uuid, bytea, text, text, text, interval, interval, bytea[], text)
    from public;
grant execute on function registry.open_session(uuid, text, text, bigint, bytea, uuid, bytea, text, text, text, interval, interval, bytea[], text)
    to rowhouse_gate;
comment on function registry.open_session(uuid, text, text, bigint, bytea, uuid, bytea, text, text, text, interval, interval, bytea[], text) is
    'Nobody is signed in yet; it asks for the server''s seal that the password was verified, against the hash that is the account''s.';
