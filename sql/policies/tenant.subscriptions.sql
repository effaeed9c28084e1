comment on table tenant.subscriptions is
    'Walled. Which plan a tenant is on and what has become of it; read by whoever holds billing:read, changed by registry.advance_subscription alone.';
alter table tenant.subscriptions enable row level security;
alter table tenant.subscriptions force row level security;

create policy wall on tenant.subscriptions as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.subscriptions is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.subscriptions for select to rowhouse_api
    using (tenant_id = (select registry.require('billing:read')));
comment on policy select_permitted on tenant.subscriptions is 'Whoever holds billing:read in the tenant that is set.';
create policy all_billing on tenant.subscriptions to rowhouse_billing
    using (true) with check (true);
comment on policy all_billing on tenant.subscriptions is
    'registry.begin_subscription and registry.advance_subscription, in whichever tenant is founded, pays, or is due.';

grant select on tenant.subscriptions to rowhouse_api, rowhouse_billing;
grant insert (tenant_id, id, plan, plan_version, period, currency, amount_minor, state, trial_ends_at, due_at, anchor_at, period_starts_at, period_ends_at, version)
    on tenant.subscriptions to rowhouse_billing;
grant update (plan, plan_version, period, currency, amount_minor, state, state_since, trial_ends_at, anchor_at, period_starts_at, period_ends_at, state_ends_at,
              cancel_at_period_end, next_plan, next_plan_version, next_period, next_currency, due_at, canceled_at)
    on tenant.subscriptions to rowhouse_billing;

create or replace trigger keep_version before update on tenant.subscriptions
    for each row execute function registry.keep_version();
create or replace trigger derive_entitlements after insert or update on tenant.subscriptions
    for each row execute function registry.derive_entitlements();
-- What happened is told (registry.note_changes).
create or replace trigger note_changed after update on tenant.subscriptions
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('', 'subscription.updated', 'billing:read', '+id', '+version', '+state', 'state', 'plan', 'plan_version', 'period',
                                           'currency', 'period_ends_at', 'cancel_at_period_end', 'next_plan');
-- That one is begun or goes with its tenant is written down, and nothing told.
create or replace trigger note_new after insert on tenant.subscriptions
    referencing new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_gone after delete on tenant.subscriptions
    referencing old table as before for each statement execute function registry.note_changes('', '', '');
