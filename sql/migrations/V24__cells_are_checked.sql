-- What V23 added for new rows holds for those that were there.
alter table registry.tenants
    validate constraint tenants_cell_check,
    validate constraint tenants_epoch_check,
    validate constraint tenants_status_check;
