-- In which order notifications are read on (docs/live.md): that of the transactions that told them, as with events (docs/adr/0026), since an id
-- is given when a row is written, and the row is seen when its transaction ends. Those that are there stand before all that come.
alter table tenant.notifications
    -- registry.tenants.epoch; 1 where a tenant has never moved.
    add column epoch bigint not null default 1,
    add column xid   bigint not null default 0;
-- lint: rewrites: of those that come; the rows that are there keep theirs.
alter table tenant.notifications alter column xid set default pg_current_xact_id()::text::bigint;
