-- Not a door, it asks one: the tenant that is set, if the caller holds in it what this kind of job asks for, or an error. Without it an
-- expression smuggled into a viewer's statement could have a job do what the viewer may not.
--   RH005  there is no such kind; the message names it
create or replace function registry.may_cause(wanted text) returns uuid
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    asks text;
begin
    select k.asks into asks from registry.job_kinds k where k.kind = wanted;
    if not found then
        raise exception using errcode = 'RH005', message = 'no kind of job: ' || wanted;
    end if;
    return registry.require(asks);
end
$$;
alter function registry.may_cause(text) owner to rowhouse_owner;
revoke all on function registry.may_cause(text) from public;
grant execute on function registry.may_cause(text) to rowhouse_api;
