-- Not a door: runs with the caller's rights, under the policies of tenant.idempotency_keys. Begins a transaction that is done
-- once: the key is the caller's until it ends. One that has an answer raises, so that what follows can leave with this and is not
-- done a second time; the answer is found by a statement of its own then.
-- The insert waits for a running transaction that holds the key. It must not wait for long, and the limit that says so ends
-- with the function.
--   RH030  a request with this key is running
--   RH031  a request with this key was answered
create or replace function registry.take_idempotency_key(wanted text, request bytea) returns void
    language plpgsql set search_path = '' set lock_timeout = '100ms'
as $$
declare
    here constant uuid := current_setting('app.tenant_id')::uuid;
    person constant uuid := nullif(current_setting('app.user_id'), '')::uuid;
    -- Whether it is theirs to say, the policies ask of each statement.
    key_of constant uuid := case when person is null then split_part(current_setting('app.api_key'), '.', 1)::uuid end;
    me constant uuid := coalesce(person, key_of);
    over text[];
begin
    insert into tenant.idempotency_keys (tenant_id, user_id, api_key_id, key, fingerprint)
    values (here, person, key_of, wanted, request)
    on conflict do nothing;
    if not found then
        -- One that has expired is as good as none.
        delete from tenant.idempotency_keys k
        where k.tenant_id = here and k.principal = me and k.key = wanted and k.expires_at <= now();
        if found then
            insert into tenant.idempotency_keys (tenant_id, user_id, api_key_id, key, fingerprint)
            values (here, person, key_of, wanted, request)
            on conflict do nothing;
        end if;
        if not found then
            raise exception using errcode = 'RH031', message = 'answered';
        end if;
    end if;
    -- Housekeeping on the way: a few of the caller's own. They are looked for first and removed by name, since a planner that
    -- knows of few keys reads all of them to find those few.
    over := array(select o.key from tenant.idempotency_keys o
                  where o.tenant_id = here and o.principal = me and o.expires_at <= now()
                  order by o.expires_at limit 5);
    if over <> '{}' then
        over := array(select o.key from tenant.idempotency_keys o
                      where o.tenant_id = here and o.principal = me and o.key = any (over) for update skip locked);
        delete from tenant.idempotency_keys k where k.tenant_id = here and k.principal = me and k.key = any (over);
    end if;
exception when lock_not_available then
    raise exception using errcode = 'RH030', message = 'in use';
end
$$;
alter function registry.take_idempotency_key(text, bytea) owner to rowhouse_owner;
revoke all on function registry.take_idempotency_key(text, bytea) from public;
grant execute on function registry.take_idempotency_key(text, bytea) to rowhouse_api;
