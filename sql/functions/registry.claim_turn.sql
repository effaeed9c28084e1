-- Door: whose turn it is. Of the tenants that have something to do it is the one that has waited longest, but for those that are named;
-- it goes to the end of the line. Null, where nobody waits.
-- Why a door: it looks at all tenants, which nobody who serves or works may. It answers an id, which opens nothing: what is done in that
-- tenant is done behind its wall. Tenants that are not open wait, and lose nothing.
create or replace function registry.claim_turn(but_not uuid[]) returns uuid
    language plpgsql security definer set search_path = ''
as $$
declare
    whose uuid;
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    -- One that another worker is about to serve is passed over (registry.take_jobs holds it meanwhile).
    select h.tenant_id into whose from tenant.job_heads h
    where h.ready_at <= now() and h.tenant_status in ('trial', 'active') and h.tenant_id <> all (but_not)
    order by h.ready_at limit 1
    for no key update skip locked;
    if found then
        update tenant.job_heads h set ready_at = clock_timestamp() where h.tenant_id = whose;
    end if;
    return whose;
end
$$;
alter function registry.claim_turn(uuid[]) owner to rowhouse_tenancy;
revoke all on function registry.claim_turn(uuid[]) from public;
grant execute on function registry.claim_turn(uuid[]) to rowhouse_worker;
comment on function registry.claim_turn(uuid[]) is
    'The one thing a worker learns across tenants: whose turn it is. What it does there it does behind that tenant''s wall.';
