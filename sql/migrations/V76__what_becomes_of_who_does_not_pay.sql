-- Two more that a tenant can be: it may read and pay, or pay alone.
alter table registry.tenants
    drop constraint tenants_status_check,
    add constraint tenants_status_check
        check (status in ('trial', 'active', 'read_only', 'unpaid', 'suspended', 'closing', 'closed', 'moved')) not valid;
