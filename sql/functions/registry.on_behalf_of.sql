-- Not a door, for the trigger that says what happened (registry.note_changes): on whose behalf the job that is held acts; nobody where its kind acts for
-- nobody. What is done on somebody's behalf they have done.
create or replace function registry.on_behalf_of(wanted_tenant uuid, job uuid, out caller uuid, out key uuid)
    language plpgsql stable set search_path = ''
as $$
begin
    select j.created_by, j.api_key_id into caller, key
    from tenant.jobs j join registry.job_kinds k on k.kind = j.kind and k.on_behalf
    -- Whoever does not hold it acts for nobody by saying its id.
    where j.tenant_id = wanted_tenant and j.id = job and j.state = 'running' and j.lease_until > clock_timestamp()
      and j.lease = nullif(current_setting('app.job_lease', true), '')::uuid;
end
$$;
alter function registry.on_behalf_of(uuid, uuid) owner to rowhouse_owner;
revoke all on function registry.on_behalf_of(uuid, uuid) from public;
grant execute on function registry.on_behalf_of(uuid, uuid) to rowhouse_writers;
