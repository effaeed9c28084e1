-- Not a door, nobody may call it but doors: whether the server has sealed this, for this door, within the minute
-- (docs/adr/0019). A seal is the second in which it was made, a number that is its own (128 bits, in hex), and HMAC-SHA-256 in
-- hex (RFC 2104) over the door's name, those two and the fields, each in hex, so that no two lists of fields read alike; a
-- field that is null is `-`; between them stand dots.
-- PostgreSQL has no HMAC without an extension and has SHA-256; HMAC is two of those. Both sides are hashed once more
-- before they are compared: how far they agree depends on nothing that a caller can aim at.
create or replace function registry.seal_is_good(door text, fields text[], seal text) returns boolean
    language plpgsql stable set search_path = ''
as $$
declare
    parts constant text[] := string_to_array(seal, '.');
    message bytea;
begin
    if seal is null or seal !~ '^[0-9]{1,11}[.][0-9a-f]{32}[.][0-9a-f]{64}$'
       or abs(extract(epoch from clock_timestamp()) - parts[1]::bigint) > 60 then
        return false;
    end if;
    select convert_to(door || ' ' || parts[1] || ' ' || parts[2] || ' '
                      || string_agg(coalesce(encode(convert_to(f.field, 'UTF8'), 'hex'), '-'), ' ' order by f.place), 'UTF8')
    into message
    from unnest(fields) with ordinality as f (field, place);
    return exists (select from registry.seal_keys k
                   where sha256(sha256(k.outer_block || sha256(k.inner_block || message))) = sha256(decode(parts[3], 'hex')));
end
$$;
alter function registry.seal_is_good(text, text[], text) owner to rowhouse_owner;
revoke all on function registry.seal_is_good(text, text[], text) from public;
grant execute on function registry.seal_is_good(text, text[], text) to rowhouse_identity;
