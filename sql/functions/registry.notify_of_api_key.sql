-- Trigger with its owner's rights: when an API key is made or revoked the tenant's owners are told, whoever did it, and
-- whoever did it too: it may have been somebody else in their name.
-- Why with rights of its own: nobody who serves may write what others are told, and who the owners are must not depend on
-- whom the caller may see. It is no door, nobody can call it.
create or replace function registry.notify_of_api_key() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    key tenant.api_keys := case when tg_op = 'DELETE' then old else new end;
    revoked boolean := tg_op = 'DELETE';
begin
    perform registry.notify_member(
        m.tenant_id, m.user_id,
        case when revoked then 'api_key.revoked' else 'api_key.created' end,
        'The API key ' || key.name || case when revoked then ' was revoked' else ' was made' end,
        case when revoked then '/tenant/api-keys' else '/tenant/api-keys/' || key.id end,
        jsonb_build_object('api_key_id', key.id, 'name', key.name, 'by', nullif(current_setting('app.user_id'), '')))
    from tenant.memberships m
    join tenant.roles r on r.tenant_id = m.tenant_id and r.id = m.role_id
    where m.tenant_id = key.tenant_id and r.built_in and r.name = 'owner';
    return null;
end
$$;
alter function registry.notify_of_api_key() owner to rowhouse_writers;
revoke all on function registry.notify_of_api_key() from public;
comment on function registry.notify_of_api_key() is
    'Nobody who serves may write what others are told; it tells the owners of the tenant of the key.';
