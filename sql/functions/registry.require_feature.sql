-- Door: the tenant that is set, if its plan has this feature, or an error. Where a feature guards data, a restrictive policy compares:
-- tenant_id = (select registry.require_feature('webhooks')). Of the caller it asks membership alone: the policies beside it ask for the rest.
-- Why a door: what the plan has must not depend on whether the caller may read it (billing:read).
--   RH001, RH002, RH003, RH006, RH007  as registry.require, which is asked for membership alone
--   RH060  the plan has it not; the message names the feature and the plan
create or replace function registry.require_feature(feature text) returns uuid
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    here constant uuid := registry.require(null);
    had text[];
    by_plan text;
begin
    select e.features, e.plan into had, by_plan from tenant.entitlements e where e.tenant_id = here;
    if not feature = any (coalesce(had, '{}')) then
        raise exception using errcode = 'RH060', message = concat_ws(' ', feature, by_plan);
    end if;
    return here;
end
$$;
alter function registry.require_feature(text) owner to rowhouse_billing;
revoke all on function registry.require_feature(text) from public;
grant execute on function registry.require_feature(text) to rowhouse_api;
comment on function registry.require_feature(text) is
    'What a plan has must not depend on what the caller may read; it answers for the tenant that is set, and names the plan to whoever belongs there.';
