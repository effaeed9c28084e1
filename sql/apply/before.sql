-- First step of re-applying functions, policies and views: a clean slate, so that what the files do not
-- say is gone afterwards. One transaction with all that follows; nobody sees the slate.
do $$
declare
    item record;
begin
    for item in
        select p.polname, c.oid::regclass as relation
        from pg_policy p join pg_class c on c.oid = p.polrelid
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
    loop
        execute format('drop policy %I on %s', item.polname, item.relation);
    end loop;

    for item in
        select relname from pg_class where relkind = 'v' and relnamespace = 'audit'::regnamespace order by oid desc
    loop
        execute format('drop view audit.%I', item.relname);  -- youngest first: a view may stand on an older one
    end loop;

    -- Every grant on every object, to whomever it was made, except what an owner holds by owning.
    for item in
        select distinct 'table ' || c.oid::regclass as object, a.grantee
        from pg_class c, aclexplode(c.relacl) a
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
          and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.grantee <> c.relowner
        union
        select distinct 'table ' || c.oid::regclass, a.grantee
        from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
          and a.grantee <> c.relowner
        union
        select distinct 'function ' || p.oid::regprocedure, a.grantee
        from pg_proc p, aclexplode(p.proacl) a
        where p.pronamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
          and a.grantee <> p.proowner
        union
        select distinct 'schema ' || n.nspname, a.grantee
        from pg_namespace n, aclexplode(n.nspacl) a
        where n.nspname in ('tenant', 'registry', 'audit') and a.grantee <> n.nspowner
    loop
        execute format('revoke all on %s from %s cascade', item.object,
                       case when item.grantee = 0 then 'public' else item.grantee::regrole::text end);
    end loop;
end
$$;

-- Who may look into which schema.
grant usage on schema tenant to rowhouse_api, rowhouse_worker, rowhouse_tenancy, rowhouse_writers;
grant usage on schema registry
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_identity, rowhouse_tenancy, rowhouse_writers, rowhouse_platform;
grant usage on schema audit to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_platform, rowhouse_auditor;

-- Handing a function to its owner asks that the owner may create in the schema; taken back in after.sql. The last command
-- here: after.sql goes by it.
grant create on schema registry to rowhouse_identity, rowhouse_tenancy, rowhouse_writers;
