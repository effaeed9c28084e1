-- Door: the tenant in which the caller may do this, which is the one that is set, if its plan has this feature; or an error. Where a feature guards data, policies compare:
-- tenant_id = (select registry.require_feature('webhooks', 'webhooks:write')), in the place of registry.require.
-- Why a door: what the plan has must not depend on whether the caller may read it (billing:read).
--   RH001, RH002, RH003, RH004, RH006, RH007, RH061  as registry.require
--   RH060  the plan has it not; the message names the feature and the plan
create or replace function registry.require_feature(feature text, permission text) returns uuid
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    here constant uuid := registry.require(permission);
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
alter function registry.require_feature(text, text) owner to rowhouse_billing;
revoke all on function registry.require_feature(text, text) from public;
grant execute on function registry.require_feature(text, text) to rowhouse_api;
comment on function registry.require_feature(text, text) is
    'What a plan has must not depend on what the caller may read; it asks registry.require first, and names the plan to whoever that lets through.';
