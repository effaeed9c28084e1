-- For the version before, which serves while this one is brought in: it goes with the next one. registry.take_idempotency_key has its place.
-- Not a door: runs with the caller's rights, under the policies of tenant.idempotency_keys. Begins a transaction that is
-- done once: `first`, and the key is the caller's until it ends; `again`, and here is what it answered; `reused`, and it was
-- another request that had this key.
-- Why a function: the insert waits for a running transaction that holds the key, and only a statement that begins after it
-- sees what that one left. It must not wait for long, and the limit that says so ends with the function.
--   RH030  a request with this key is running
create or replace function registry.claim_idempotency_key(wanted text, request bytea)
    returns table (outcome text, status smallint, answer bytea)
    language plpgsql set search_path = '' set lock_timeout = '100ms'
as $$
declare
    here uuid := current_setting('app.tenant_id')::uuid;
    me uuid := registry.principal();
    person boolean := current_setting('app.user_id') <> '';
    over text[];
begin
    -- Housekeeping on the way: a few of the caller's own. They are looked for first and removed by name, since a planner that
    -- knows of few keys reads all of them to find those few.
    over := array(select o.key from tenant.idempotency_keys o
                  where o.tenant_id = here and o.principal = me and o.expires_at <= now()
                  order by o.expires_at limit 5 for update skip locked);
    if over <> '{}' then
        delete from tenant.idempotency_keys k where k.tenant_id = here and k.principal = me and k.key = any (over);
    end if;
    delete from tenant.idempotency_keys k
    where k.tenant_id = here and k.principal = me and k.key = wanted and k.expires_at <= now();

    insert into tenant.idempotency_keys (tenant_id, user_id, api_key_id, key, fingerprint)
    values (here, case when person then me end, case when not person then me end, wanted, request)
    on conflict do nothing;
    if found then
        return query select 'first', null::smallint, null::bytea;
    else
        return query
            select case when k.fingerprint = request then 'again' else 'reused' end, k.status, k.answer
            from tenant.idempotency_keys k
            where k.tenant_id = here and k.principal = me and k.key = wanted;
    end if;
exception when lock_not_available then
    raise exception using errcode = 'RH030', message = 'in use';
end
$$;
alter function registry.claim_idempotency_key(text, bytea) owner to rowhouse_owner;
revoke all on function registry.claim_idempotency_key(text, bytea) from public;
grant execute on function registry.claim_idempotency_key(text, bytea) to rowhouse_api;
