-- Door: the tenant that is set, if the job that asks (app.job_id, app.job_lease) is running in it under that lease, which has not run out,
-- and its kind may do this; or an error. Policies for rowhouse_worker compare: tenant_id = (select registry.require_job('products:write')).
-- A kind that acts on behalf of whoever caused it may do what causing it asks for as long as they hold it: a member who has lost products:write imports
-- nothing more, and is told so all the same (operations:run). Null asks that a job is held, and no more.
-- Whoever has lost their lease is out at the next statement, whatever they believe: clock_timestamp, since a transaction may be old.
-- Why a door: what a job may do must not depend on what it may read.
--   RH003  the tenant is not open; the message is its status
--   RH004  its kind may not do this, or whoever it acts for may not any more; the message names the permission
--   RH050  there is no such job, it is not running, or not under this lease
create or replace function registry.require_job(permission text) returns uuid
    language plpgsql stable security definer set search_path = ''
as $$
declare
    wanted_tenant uuid := current_setting('app.tenant_id')::uuid;
    held text[];
    tenant_status text;
    asked text;
    by_member uuid;
    by_key uuid;
begin
    select k.permissions, h.tenant_status,
           case when k.on_behalf then k.asks end, j.created_by, j.api_key_id
    into held, tenant_status, asked, by_member, by_key
    from tenant.jobs j
    join tenant.job_heads h on h.tenant_id = j.tenant_id
    left join registry.job_kinds k on k.kind = j.kind
    where j.tenant_id = wanted_tenant and j.id = current_setting('app.job_id')::uuid
      and j.lease = current_setting('app.job_lease')::uuid
      and j.state = 'running' and j.lease_until > clock_timestamp();
    if not found then
        raise exception using errcode = 'RH050', message = 'not its job';
    elsif tenant_status not in ('trial', 'active') then
        raise exception using errcode = 'RH003', message = tenant_status;
    elsif asked is not null and permission = asked and not registry.still_asked(wanted_tenant, by_member, by_key, asked) then
        raise exception using errcode = 'RH004', message = asked;
    elsif permission is null or permission = any (held) then
        return wanted_tenant;
    end if;
    raise exception using errcode = 'RH004', message = permission;
end
$$;
alter function registry.require_job(text) owner to rowhouse_tenancy;
revoke all on function registry.require_job(text) from public;
grant execute on function registry.require_job(text) to rowhouse_worker;
comment on function registry.require_job(text) is
    'What a job may do must not depend on what it may read; it answers for the job that asks, under the lease that asks.';
