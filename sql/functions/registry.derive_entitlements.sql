-- Trigger with its owner's rights: what a tenant has a right to follows from its subscription, the version of the plan that it is on, and what was
-- decided for it alone; the one place that says how. A subscription that has ended says it as long as there is no other.
-- Why with rights of its own: nobody who serves may say what a tenant has a right to. It is no door, nobody can call it; whose, the row says
-- that has changed.
create or replace function registry.derive_entitlements() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    whose constant uuid := case tg_op when 'DELETE' then old.tenant_id else new.tenant_id end;
begin
    -- Whoever decides something else about it meanwhile is waited for: the statement that follows sees what they have decided.
    perform from tenant.entitlements e where e.tenant_id = whose for no key update;
    insert into tenant.entitlements as e (tenant_id, plan, plan_version, plan_name, features, limits, access)
    select s.tenant_id, p.code, p.version, p.name,
           array(select f from unnest(p.features || coalesce(o.features, '{}')) f where f <> all (coalesce(o.without, '{}')) group by f order by f),
           jsonb_strip_nulls(p.limits || coalesce(o.limits, '{}')),
           case s.state when 'grace' then 'read_only' when 'canceled' then 'read_only' when 'suspended' then 'billing_only' else 'full' end
    from (select x.* from tenant.subscriptions x
          where x.tenant_id = whose
            and x.id = coalesce((select y.id from tenant.subscriptions y where y.tenant_id = whose and y.state <> 'canceled'),
                                (select y.id from tenant.subscriptions y where y.tenant_id = whose order by y.id desc limit 1))) s
    join registry.plans p on p.code = s.plan and p.version = s.plan_version
    left join registry.plan_overrides o on o.tenant_id = s.tenant_id
    on conflict (tenant_id) do update
    set plan = excluded.plan, plan_version = excluded.plan_version, plan_name = excluded.plan_name, features = excluded.features,
        limits = excluded.limits, access = excluded.access
    where (e.plan, e.plan_version, e.plan_name, e.features, e.limits, e.access)
          is distinct from (excluded.plan, excluded.plan_version, excluded.plan_name, excluded.features, excluded.limits, excluded.access);
    return null;
end
$$;
alter function registry.derive_entitlements() owner to rowhouse_billing;
revoke all on function registry.derive_entitlements() from public;
comment on function registry.derive_entitlements() is
    'Nobody who serves may say what a tenant has a right to; it follows from plan, overrides and state.';
