-- Not a door: an id that says a microsecond (RFC 9562 §6.2, method 3), so that ids of later ones are greater.
create or replace function registry.id_in_order(moment bigint) returns uuid
    language sql volatile parallel safe set search_path = ''
as $$
    select (lpad(to_hex(moment / 1000), 12, '0') || '7' || lpad(to_hex(moment % 1000 * 4096 / 1000), 3, '0')
            || substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid
$$;
alter function registry.id_in_order(bigint) owner to rowhouse_owner;
revoke all on function registry.id_in_order(bigint) from public;
grant execute on function registry.id_in_order(bigint) to rowhouse_worker;
