-- Not a door: whether whoever asks may write a job down so. What acts on behalf of somebody acts for whoever asks, in the order of operations, and is due
-- at once: what is never due would be in front of all others. No other is in that order. And the ids of what recurs (version 8, RFC 9562 §5.8) are the
-- schedule's: who took one would have that night's not written down.
-- That the caller is who they say registry.may_cause has asked.
create or replace function registry.is_ones_own_job(of_kind text, job uuid, order_key text, run_at timestamptz, created_by uuid, api_key_id uuid)
    returns boolean
    language plpgsql stable parallel safe set search_path = ''
as $$
declare
    caller constant uuid := nullif(current_setting('app.user_id'), '')::uuid;
    own boolean;
begin
    select k.on_behalf into own from registry.job_kinds k where k.kind = of_kind;
    if substr(job::text, 15, 1) = '8' then
        return false;
    elsif not own then
        return order_key is distinct from 'operations';
    end if;
    return order_key is not distinct from 'operations' and run_at <= now() and created_by is not distinct from caller
       and api_key_id is not distinct from
           case when caller is null then nullif(split_part(current_setting('app.api_key'), '.', 1), '')::uuid end;
end
$$;
alter function registry.is_ones_own_job(text, uuid, text, timestamptz, uuid, uuid) owner to rowhouse_owner;
revoke all on function registry.is_ones_own_job(text, uuid, text, timestamptz, uuid, uuid) from public;
grant execute on function registry.is_ones_own_job(text, uuid, text, timestamptz, uuid, uuid) to rowhouse_api;
