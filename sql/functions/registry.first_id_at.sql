-- The smallest UUIDv7 that can have been made then (RFC 9562 §5.7): what was made in a stretch of time is a stretch of
-- the primary key.
create or replace function registry.first_id_at(at timestamptz) returns uuid
    language sql immutable strict parallel safe set search_path = ''
return (lpad(to_hex(greatest(0, floor(extract(epoch from at) * 1000))::bigint), 12, '0') || repeat('0', 20))::uuid;
alter function registry.first_id_at(timestamptz) owner to rowhouse_owner;
revoke all on function registry.first_id_at(timestamptz) from public;
grant execute on function registry.first_id_at(timestamptz) to rowhouse_api, rowhouse_worker;
