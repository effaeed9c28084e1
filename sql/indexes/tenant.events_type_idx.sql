-- Of each type, in the order in which they are read: whoever reads some types, or may read no others, reads past none.
create index concurrently events_type_idx on tenant.events (tenant_id, type, epoch, xid, id);
