-- Not a door: registry.take_idempotency_key for what a person does outside any tenant, under the policies of
-- registry.idempotency_keys.
create or replace function registry.take_own_idempotency_key(wanted text, request bytea) returns void
    language plpgsql set search_path = '' set lock_timeout = '100ms'
as $$
declare
    me constant uuid := current_setting('app.user_id')::uuid;
    over text[];
begin
    insert into registry.idempotency_keys (user_id, key, fingerprint) values (me, wanted, request)
    on conflict do nothing;
    if not found then
        delete from registry.idempotency_keys k where k.user_id = me and k.key = wanted and k.expires_at <= now();
        if found then
            insert into registry.idempotency_keys (user_id, key, fingerprint) values (me, wanted, request)
            on conflict do nothing;
        end if;
        if not found then
            raise exception using errcode = 'RH031', message = 'answered';
        end if;
    end if;
    over := array(select o.key from registry.idempotency_keys o
                  where o.user_id = me and o.expires_at <= now()
                  order by o.expires_at limit 5);
    if over <> '{}' then
        over := array(select o.key from registry.idempotency_keys o
                      where o.user_id = me and o.key = any (over) for update skip locked);
        delete from registry.idempotency_keys k where k.user_id = me and k.key = any (over);
    end if;
exception when lock_not_available then
    raise exception using errcode = 'RH030', message = 'in use';
end
$$;
alter function registry.take_own_idempotency_key(text, bytea) owner to rowhouse_owner;
revoke all on function registry.take_own_idempotency_key(text, bytea) from public;
grant execute on function registry.take_own_idempotency_key(text, bytea) to rowhouse_gate;
