-- Last step: what before.sql lent is taken back, functions that no file makes any more are dropped, and
-- what stands now is written down for audit.drift.
revoke create on schema registry from rowhouse_doors;

do $$
declare
    item record;
begin
    -- A row of pg_proc that this transaction did not write is a function no file made.
    for item in
        select p.oid::regprocedure as signature
        from pg_proc p
        where p.pronamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
          and p.xmin <> pg_current_xact_id()::xid
    loop
        execute format('drop function %s', item.signature);
    end loop;
end
$$;

grant select on audit.schema_history to rowhouse_api, rowhouse_worker, rowhouse_platform, rowhouse_auditor;

delete from audit.applied;
insert into audit.applied (kind, object, definition) select kind, object, definition from audit.catalog;
