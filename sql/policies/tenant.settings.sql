comment on table tenant.settings is 'Walled. A row comes and goes with its tenant; members read it and change it.';
alter table tenant.settings enable row level security;
alter table tenant.settings force row level security;

create policy wall on tenant.settings as restrictive
    to rowhouse_api, rowhouse_worker, rowhouse_owner
    using      (tenant_id = (select current_setting('app.tenant_id')::uuid))
    with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy wall on tenant.settings is
    'Wall: rows of the tenant that is set and of no other; restrictive, so no other policy widens it. Without a tenant it raises.';

create policy select_permitted on tenant.settings for select to rowhouse_api
    using (tenant_id = (select registry.require('settings:read')));
comment on policy select_permitted on tenant.settings is 'Whoever holds settings:read in the tenant that is set.';
create policy update_permitted on tenant.settings for update to rowhouse_api
    using      (tenant_id = (select registry.require('settings:write')))
    with check (tenant_id = (select registry.require('settings:write')));
comment on policy update_permitted on tenant.settings is 'Whoever holds settings:write in the tenant that is set.';

create policy insert_found on tenant.settings for insert to rowhouse_tenancy
    with check (version = 1);
comment on policy insert_found on tenant.settings is 'registry.begin_settings makes the row of a tenant that is being founded.';
create policy select_doors on tenant.settings for select to rowhouse_tenancy
    using (tenant_id = (select current_setting('app.tenant_id')::uuid));
comment on policy select_doors on tenant.settings is 'registry.tenant_defaults reads those of the tenant that is set.';

grant select on tenant.settings to rowhouse_api;
grant update (language, time_zone, currency, week_starts, low_stock_threshold) on tenant.settings to rowhouse_api;
grant select (tenant_id, language, currency) on tenant.settings to rowhouse_tenancy;
grant insert (tenant_id) on tenant.settings to rowhouse_tenancy;

create or replace trigger keep_version before update on tenant.settings
    for each row execute function registry.keep_version();
create or replace trigger known_time_zone before insert or update of time_zone on tenant.settings
    for each row when (new.time_zone <> 'UTC') execute function registry.known_time_zone();
create or replace trigger known_currency before insert or update of currency on tenant.settings
    for each row when (new.currency <> 'EUR') execute function registry.known_currency();
-- What was kept under other settings is out of date, and what happened is told (registry.note_changes).
create or replace trigger note_changed after update on tenant.settings
    referencing old table as before new table as after for each statement
    execute function registry.note_changes('settings', 'settings.updated', 'settings:read', '+version',
                                           'language', 'time_zone', 'currency', 'week_starts', 'low_stock_threshold');
-- A row comes and goes with its tenant: that is written down, and nothing told.
create or replace trigger note_new after insert on tenant.settings
    referencing new table as after for each statement execute function registry.note_changes('', '', '');
create or replace trigger note_gone after delete on tenant.settings
    referencing old table as before for each statement execute function registry.note_changes('', '', '');
