-- A session is presented by its id, and spoken of by its handle: what is shown to its owner, written into account events and told
-- to operators opens nothing. The handle is SHA-256 of the id, cut to a UUID (RFC 9562, version 8): registry.session_handle.
alter table registry.sessions
    add column handle uuid not null
        generated always as (
            encode(set_byte(set_byte(substring(sha256(uuid_send(id)) for 16),
                                     6, get_byte(sha256(uuid_send(id)), 6) & 15 | 128),
                            8, get_byte(sha256(uuid_send(id)), 8) & 63 | 128), 'hex')::uuid) stored;
-- Listed by its owner, newest first; ended by its handle.
create index sessions_newest_idx on registry.sessions (user_id, created_at, handle);
create unique index sessions_handle_key on registry.sessions (user_id, handle);

set local role rowhouse_migrator;
update registry.account_events
set session_id = encode(set_byte(set_byte(substring(sha256(uuid_send(session_id)) for 16),
                                     6, get_byte(sha256(uuid_send(session_id)), 6) & 15 | 128),
                            8, get_byte(sha256(uuid_send(session_id)), 8) & 63 | 128), 'hex')::uuid
where session_id is not null;
set local role rowhouse_owner;
