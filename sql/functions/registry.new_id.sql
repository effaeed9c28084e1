-- Not a door: a UUIDv7 (RFC 9562 §5.7) for rows that the database makes by itself. Milliseconds since 1970, the version,
-- and the rest of a random UUID, whose variant is the right one already.
create or replace function registry.new_id() returns uuid
    language sql volatile parallel safe set search_path = ''
    return (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
            || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid;
alter function registry.new_id() owner to rowhouse_owner;
revoke all on function registry.new_id() from public;
grant execute on function registry.new_id() to rowhouse_writers, rowhouse_billing;
