-- Door: forgets what is over of some accounts, those after one, in the order of their ids: links and sessions that have run out, keys of
-- repeated requests, and whoever signed up a month ago and never confirmed the address. Answers the last account it has looked at, where
-- to go on; null after the last of all.
-- What was signed up with a tenant of its own stays, since the tenant does: whoever runs the platform decides about those.
-- Why a door: what is over of accounts is nobody's to see. Nobody is told what is gone, nor of whom.
create or replace function registry.forget_of_accounts(after uuid, most integer) returns uuid
    language plpgsql security definer set search_path = ''
as $$
declare
    accounts uuid[];
    one uuid;
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    accounts := array(select u.id from registry.users u where u.id > after order by u.id limit least(most, 1000));
    delete from registry.mail_tokens m where m.user_id = any (accounts) and m.expires_at <= now();
    delete from registry.sessions s
    where s.user_id = any (accounts) and least(s.idle_until, s.expires_at) <= now() - interval '7 days';
    delete from registry.idempotency_keys k where k.user_id = any (accounts) and k.expires_at <= now();
    -- Somebody who is just signing up once more, or confirming, holds the row: another time.
    foreach one in array array(
        select u.id from registry.users u
        where u.id = any (accounts) and u.email_verified_at is null and u.created_at < now() - interval '30 days'
          and not exists (select from registry.mail_tokens m where m.user_id = u.id)
          and not registry.has_founded(u.id)
        order by u.id for update skip locked)
    loop
        begin
            delete from registry.users u where u.id = one;
        exception when foreign_key_violation then
            null;  -- Somewhere they are a member all the same.
        end;
    end loop;
    return accounts[cardinality(accounts)];
end
$$;
alter function registry.forget_of_accounts(uuid, integer) owner to rowhouse_identity;
revoke all on function registry.forget_of_accounts(uuid, integer) from public;
grant execute on function registry.forget_of_accounts(uuid, integer) to rowhouse_worker;
comment on function registry.forget_of_accounts(uuid, integer) is
    'What is over of accounts is nobody''s to see; it takes away what has run out, and tells nothing of whom.';
