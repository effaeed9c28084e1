-- Not a door, it asks one: the tenant that is set, if the job that asks may do what this kind of job asks for, or an error. Where no job
-- asks (app.job_id is empty) it is the worker's own transaction, which causes what is scheduled.
--   RH004  it may not, or the kind acts on behalf of whoever causes it; the message names what is asked for
--   RH005  there is no such kind; the message names it
create or replace function registry.may_pass_on(wanted text) returns uuid
    language plpgsql stable set search_path = ''
as $$
declare
    asks text;
    for_somebody boolean;
begin
    select k.asks, k.on_behalf into asks, for_somebody from registry.job_kinds k where k.kind = wanted;
    if not found then
        raise exception using errcode = 'RH005', message = 'no kind of job: ' || wanted;
    end if;
    -- What acts on behalf of somebody that somebody causes.
    if for_somebody then
        raise exception using errcode = 'RH004', message = asks;
    end if;
    if current_setting('app.job_id') = '' then
        return current_setting('app.tenant_id')::uuid;
    end if;
    return registry.require_job(asks);
end
$$;
alter function registry.may_pass_on(text) owner to rowhouse_owner;
revoke all on function registry.may_pass_on(text) from public;
grant execute on function registry.may_pass_on(text) to rowhouse_worker;
