-- Trigger, not a door: what a test of a webhook endpoint says. It is signed like everything else, so nobody who serves may choose the words: with a text
-- of one's own, something that never happened would be told.
create or replace function registry.write_test() returns trigger
    language plpgsql set search_path = ''
as $$
begin
    -- Of its own: the id of one that happened would take its place.
    new.event_id := gen_random_uuid();
    new.permission := 'webhooks:read';
    new.payload := json_build_object(
        'type', 'webhook.test', 'timestamp', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'data', json_build_object('endpoint_id', new.endpoint_id), 'id', new.event_id, 'tenant_id', new.tenant_id)::text;
    return new;
end
$$;
alter function registry.write_test() owner to rowhouse_owner;
revoke all on function registry.write_test() from public;
