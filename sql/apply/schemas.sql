-- Who may look into which schema, and nobody else.
do $$
declare
    item record;
begin
    for item in
        select distinct n.nspname, a.grantee
        from pg_namespace n, aclexplode(n.nspacl) a
        where n.nspname in ('tenant', 'registry', 'audit') and a.grantee <> n.nspowner
    loop
        execute format('revoke all on schema %I from %s cascade', item.nspname,
                       case when item.grantee = 0 then 'public' else item.grantee::regrole::text end);
    end loop;
end
$$;
grant usage on schema tenant to rowhouse_api, rowhouse_worker, rowhouse_tenancy, rowhouse_writers, rowhouse_seats, rowhouse_billing;
grant usage on schema registry
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_identity, rowhouse_tenancy, rowhouse_writers, rowhouse_seats,
       rowhouse_billing, rowhouse_platform;
grant usage on schema audit to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_platform, rowhouse_auditor;
