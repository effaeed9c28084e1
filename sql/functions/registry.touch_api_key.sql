-- Door: notes that the API key that asks is in use, at most once a minute. Why a door: it asks no permission of
-- the key, and no other column may be written with it. The secret must be the key's.
create or replace function registry.touch_api_key() returns void
    language plpgsql security definer set search_path = ''
as $$
begin
    update tenant.api_keys k
    set last_used_at = now()
    where k.tenant_id = current_setting('app.tenant_id')::uuid
      and k.id = (select p.id from registry.presented_key() p)
      and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute');
end
$$;
alter function registry.touch_api_key() owner to rowhouse_tenancy;
revoke all on function registry.touch_api_key() from public;
grant execute on function registry.touch_api_key() to rowhouse_api;
comment on function registry.touch_api_key() is
    'When a key was last used is written for the key that asks, whatever it may do.';
