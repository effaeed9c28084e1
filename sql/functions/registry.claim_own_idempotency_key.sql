-- For the version before, which serves while this one is brought in: it goes with the next one. registry.take_own_idempotency_key has its place.
-- Not a door: registry.claim_idempotency_key for what a person does outside any tenant, under the policies of
-- registry.idempotency_keys.
create or replace function registry.claim_own_idempotency_key(wanted text, request bytea)
    returns table (outcome text, status smallint, answer bytea)
    language plpgsql set search_path = '' set lock_timeout = '100ms'
as $$
declare
    me uuid := registry.signed_in();
    over text[];
begin
    over := array(select o.key from registry.idempotency_keys o
                  where o.user_id = me and o.expires_at <= now()
                  order by o.expires_at limit 5 for update skip locked);
    if over <> '{}' then
        delete from registry.idempotency_keys k where k.user_id = me and k.key = any (over);
    end if;
    delete from registry.idempotency_keys k
    where k.user_id = me and k.key = wanted and k.expires_at <= now();

    insert into registry.idempotency_keys (user_id, key, fingerprint) values (me, wanted, request)
    on conflict do nothing;
    if found then
        return query select 'first', null::smallint, null::bytea;
    else
        return query
            select case when k.fingerprint = request then 'again' else 'reused' end, k.status, k.answer
            from registry.idempotency_keys k
            where k.user_id = me and k.key = wanted;
    end if;
exception when lock_not_available then
    raise exception using errcode = 'RH030', message = 'in use';
end
$$;
alter function registry.claim_own_idempotency_key(text, bytea) owner to rowhouse_owner;
revoke all on function registry.claim_own_idempotency_key(text, bytea) from public;
grant execute on function registry.claim_own_idempotency_key(text, bytea) to rowhouse_gate;
