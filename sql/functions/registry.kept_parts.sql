-- Not a door: the parts of a tenant that answers which are kept are read from. A part that is missing here has a generation
-- from its first change on, and until then nothing is kept of it.
create or replace function registry.kept_parts() returns setof text
    language sql immutable parallel safe set search_path = ''
    return unnest(array['products', 'projects', 'tasks', 'members', 'settings']);
alter function registry.kept_parts() owner to rowhouse_owner;
revoke all on function registry.kept_parts() from public;
grant execute on function registry.kept_parts() to rowhouse_writers;
