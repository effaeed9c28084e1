-- Trigger with its owner's rights: the tenant's owners are told when an endpoint of theirs was disabled by nobody of theirs.
-- Why with rights of its own: nobody who serves or works may write what others are told, and who the owners are must not depend on whom
-- the caller may see. It is no door, nobody can call it; what it says comes from the row that changed.
create or replace function registry.notify_of_webhook() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    perform registry.notify_member(
        m.tenant_id, m.user_id, 'webhook_endpoint.disabled',
        'A webhook endpoint was disabled: ' || case new.disabled_why when 'gone' then 'it answered that it is gone' else 'for days it failed' end,
        '/webhooks/' || new.id,
        jsonb_build_object('webhook_endpoint_id', new.id, 'url', new.url, 'why', new.disabled_why, 'failing_since', new.failing_since))
    from tenant.memberships m
    join tenant.roles r on r.tenant_id = m.tenant_id and r.id = m.role_id
    where m.tenant_id = new.tenant_id and r.built_in and r.name = 'owner';
    return null;
end
$$;
alter function registry.notify_of_webhook() owner to rowhouse_writers;
revoke all on function registry.notify_of_webhook() from public;
comment on function registry.notify_of_webhook() is
    'Nobody who serves or works may write what others are told; it tells the owners of the tenant of the endpoint.';
