-- Not a door: columns of which the audit log tells that they have changed and never what they hold, in whatever table they are
-- (registry.note_changes). tests/isolation/audit_log.rs asks for each column that looks as if it belonged here.
create or replace function registry.masked_columns() returns text[]
    language sql immutable parallel safe set search_path = ''
    return array['secret_hash', 'previous_hash', 'token_hash', 'sealed', 'fingerprint', 'challenge'];
alter function registry.masked_columns() owner to rowhouse_owner;
revoke all on function registry.masked_columns() from public;
grant execute on function registry.masked_columns() to rowhouse_writers;
