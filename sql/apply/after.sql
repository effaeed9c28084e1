-- Last step: what before.sql lent is taken back, functions that no file makes any more are dropped, and
-- what stands now is written down for audit.drift.
do $$
declare
    item record;
begin
    -- A function is one that no file makes any more if its row was not written by this transaction, or not since before.sql,
    -- whose last command writes the row of the schema: it takes back what was granted on functions, and writes theirs with it.
    for item in
        select p.oid::regprocedure as signature
        from pg_proc p
        where p.pronamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
          and (p.xmin <> pg_current_xact_id()::xid
               or p.cmin::text::bigint <= (select n.cmin::text::bigint from pg_namespace n where n.nspname = 'registry'))
    loop
        execute format('drop function %s', item.signature);
    end loop;
end
$$;
revoke create on schema registry from rowhouse_identity, rowhouse_tenancy, rowhouse_writers;

-- What was kept before may have been worked out by other functions, or while triggers were off: it counts no more. Of a
-- slot that somebody is writing, another generation is on its way already. A tenant that was founded between the migration
-- that made the table and the trigger has its own from here on.
update tenant.generations g
set products = gen_random_uuid(), projects = gen_random_uuid(), tasks = gen_random_uuid(), members = gen_random_uuid(),
    settings = gen_random_uuid()
from (select tenant_id from tenant.generations where slot = 8 for update skip locked) free
where g.tenant_id = free.tenant_id and g.slot = 8;
insert into tenant.generations (tenant_id, slot)
select t.id, s.slot from registry.tenants t cross join generate_series(1, 8) s (slot) on conflict do nothing;

grant select on audit.schema_history to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_platform, rowhouse_auditor;

delete from audit.applied;
insert into audit.applied (kind, object, definition) select kind, object, definition from audit.catalog;
