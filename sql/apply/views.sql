-- Before the views of schema audit are made anew: those that are there go, and with them every right on what else is in it.
do $$
declare
    item record;
begin
    for item in
        select relname from pg_class where relkind = 'v' and relnamespace = 'audit'::regnamespace order by oid desc
    loop
        execute format('drop view audit.%I', item.relname);  -- youngest first: a view may stand on an older one
    end loop;
    for item in
        select distinct c.oid::regclass as relation, a.grantee
        from pg_class c, aclexplode(c.relacl) a
        where c.relnamespace = 'audit'::regnamespace and c.relkind in ('r', 'p', 'm', 'f') and a.grantee <> c.relowner
    loop
        execute format('revoke all on %s from %s cascade', item.relation,
                       case when item.grantee = 0 then 'public' else item.grantee::regrole::text end);
    end loop;
end
$$;
grant select on audit.schema_history, audit.files, audit.applied, audit.made
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_platform, rowhouse_auditor;
comment on table audit.schema_history is 'The migrations that were applied.';
comment on table audit.files is 'The digest of each file of sql/ as it was last applied.';
comment on table audit.applied is 'What the catalog said when files were last applied; audit.drift compares it with what it says now.';
comment on table audit.made is 'Which objects each file has made, by digest, so that what did not change is left alone.';
