-- Not a door: an event as receivers of webhooks are sent it: type, timestamp and data as Standard Webhooks have them, then what else there is to
-- know it by.
create or replace function registry.webhook_message(
        of_tenant uuid, id uuid, type text, type_version smallint, actor_kind text, actor_id uuid, data jsonb, created_at timestamptz) returns text
    language sql stable parallel safe set search_path = ''
as $$
    select json_build_object(
        'type', type, 'timestamp', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'data', data,
        'id', id, 'type_version', type_version, 'tenant_id', of_tenant,
        'actor', json_build_object('kind', actor_kind, 'id', actor_id))::text
$$;
alter function registry.webhook_message(uuid, uuid, text, smallint, text, uuid, jsonb, timestamptz) owner to rowhouse_owner;
revoke all on function registry.webhook_message(uuid, uuid, text, smallint, text, uuid, jsonb, timestamptz) from public;
grant execute on function registry.webhook_message(uuid, uuid, text, smallint, text, uuid, jsonb, timestamptz) to rowhouse_worker;
