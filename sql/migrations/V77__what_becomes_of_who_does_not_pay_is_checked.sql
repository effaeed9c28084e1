-- What V76 added for new rows holds for those that were there.
alter table registry.tenants validate constraint tenants_status_check;
