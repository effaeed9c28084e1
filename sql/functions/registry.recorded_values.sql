-- Not a door: values as the audit log keeps them: of masked columns that there is one, and of long ones the beginning.
create or replace function registry.recorded_values(recorded jsonb) returns jsonb
    language sql immutable parallel safe set search_path = ''
    return (select jsonb_object_agg(c.key, case
                when c.value <> 'null' and c.key = any (registry.masked_columns()) then '"***"'
                when octet_length(c.value::text) > 4096 then to_jsonb(left(c.value #>> '{}', 1024) || '…')
                else c.value end)
            from jsonb_each(recorded) c);
alter function registry.recorded_values(jsonb) owner to rowhouse_owner;
revoke all on function registry.recorded_values(jsonb) from public;
grant execute on function registry.recorded_values(jsonb) to rowhouse_writers;
