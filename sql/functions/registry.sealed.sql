-- Not a door, nobody may call it but doors: raises unless the server has sealed this, for this door, within the minute
-- (docs/adr/0019). A seal is the second in which it was made, a dot, and HMAC-SHA-256 in hex (RFC 2104) over the door's
-- name, that second and the fields, each in hex, so that no two lists of fields read alike; a field that is null is `-`.
-- PostgreSQL has no HMAC without an extension and has SHA-256; HMAC is two of those. Both sides are hashed once more
-- before they are compared: how far they agree depends on nothing that a caller can aim at.
--   RH040  not sealed: made by somebody else, for something else, too long ago, or with a key that is not known here
create or replace function registry.sealed(door text, fields text[], seal text) returns void
    language plpgsql stable set search_path = ''
as $$
declare
    message bytea;
begin
    if seal ~ '^[0-9]{1,11}[.][0-9a-f]{64}$'
       and abs(extract(epoch from clock_timestamp()) - split_part(seal, '.', 1)::bigint) <= 60 then
        select convert_to(door || ' ' || split_part(seal, '.', 1) || ' '
                          || string_agg(coalesce(encode(convert_to(f.field, 'UTF8'), 'hex'), '-'), ' ' order by f.place), 'UTF8')
        into message
        from unnest(fields) with ordinality as f (field, place);
        if exists (select from registry.seal_keys k
                   where sha256(sha256(k.outer_block || sha256(k.inner_block || message)))
                         = sha256(decode(split_part(seal, '.', 2), 'hex'))) then
            return;
        end if;
    end if;
    raise exception using errcode = 'RH040', message = 'not sealed';
end
$$;
alter function registry.sealed(text, text[], text) owner to rowhouse_owner;
revoke all on function registry.sealed(text, text[], text) from public;
grant execute on function registry.sealed(text, text[], text) to rowhouse_doors;
