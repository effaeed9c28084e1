-- Where a tenant lives. Today that is one PostgreSQL for all; a tenant that moves to another has another cell and a higher epoch
-- there, and stays behind as `moved`, which lets nobody in (docs/adr/0023).
alter table registry.tenants
    add column cell  text collate "C" not null default 'main',
    add column epoch bigint not null default 1;
alter table registry.tenants
    add constraint tenants_cell_check check (cell ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$') not valid,
    add constraint tenants_epoch_check check (epoch > 0) not valid,
    drop constraint tenants_status_check,
    add constraint tenants_status_check
        check (status in ('trial', 'active', 'suspended', 'closing', 'closed', 'moved')) not valid;
