-- What isolation rests on, as the database has it now: one row a fact, readable by anyone who may read
-- schema audit. `rowhouse migrate` keeps a copy in audit.applied; audit.drift compares the two.
create view audit.catalog with (security_invoker) as
with house as (
    select oid, nspname, nspowner, nspacl from pg_namespace where nspname in ('tenant', 'registry', 'audit')
), relations as (
    select c.*, house.nspname || '.' || c.relname as name
    from pg_class c join house on house.oid = c.relnamespace
), grants (kind, object, acl) as (
    select 'schema grant', nspname::text, coalesce(nspacl, acldefault('n', nspowner)) from house
    union all
    select 'table grant', name, coalesce(relacl, acldefault('r', relowner)) from relations where relkind in ('r', 'p', 'v', 'm', 'f')
    union all
    select 'sequence grant', name, coalesce(relacl, acldefault('s', relowner)) from relations where relkind = 'S'
    union all
    select 'column grant', name || '.' || a.attname, a.attacl
    from relations join pg_attribute a on a.attrelid = relations.oid where a.attacl is not null and not a.attisdropped
    union all
    select 'function grant', p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc p join house on house.oid = p.pronamespace
    union all
    -- Built-in functions whose grants are not as PostgreSQL ships them, e.g. set_config.
    select 'built-in grant', p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc p
    left join pg_init_privs i on i.objoid = p.oid and i.classoid = 'pg_proc'::regclass and i.objsubid = 0
    where p.pronamespace = 'pg_catalog'::regnamespace and p.proacl is distinct from i.initprivs
    union all
    select 'database grant', 'this database', coalesce(datacl, acldefault('d', datdba)) from pg_database where datname = current_database()
    union all
    select 'default grant', d.defaclrole::regrole || ' ' || d.defaclobjtype::text || coalesce(' in ' || n.nspname, ''), d.defaclacl
    from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
)
select 'owner' as kind, 'schema ' || nspname as object, nspowner::regrole::text as definition from house
union all
select 'owner', case when relkind = 'v' then 'view ' else 'table ' end || name, relowner::regrole::text
from relations where relkind in ('r', 'p', 'v')
union all
select 'row security', name,
       case when relrowsecurity then 'on' else 'OFF' end || case when relforcerowsecurity then ', forced' else ', NOT FORCED' end
from relations where relkind in ('r', 'p')
union all
select 'other relation', name, format('kind %s, owner %s', relkind, relowner::regrole)
from relations where relkind not in ('r', 'p', 'v', 'i', 'I', 't', 'c')
union all
select 'view', name, format(E'options %s\n%s', coalesce(reloptions::text, 'none'), pg_get_viewdef(oid))
from relations where relkind = 'v'
union all
-- Rows are seen through a parent without the child's policies.
select 'inheritance', i.inhrelid::regclass || ' of ' || i.inhparent::regclass, 'inherits'
from pg_inherits i where i.inhrelid in (select oid from relations) or i.inhparent in (select oid from relations)
union all
-- Replication carries rows past every policy.
select 'publication', p.pubname, format('all tables %s, of the house %s', p.puballtables,
       (select string_agg(t.schemaname || '.' || t.tablename, ', ' order by 1)
        from pg_publication_tables t join house on house.nspname = t.schemaname where t.pubname = p.pubname))
from pg_publication p
union all
select 'event trigger', evtname, evtfoid::regprocedure::text from pg_event_trigger
union all
-- A function that is leakproof runs before the policies and may print what it sees.
select 'leakproof', p.oid::regprocedure::text, 'made here' from pg_proc p
where p.proleakproof and p.oid >= 16384 and p.pronamespace not in (select oid from house)
union all
select 'leakproof', 'built-in functions', md5(string_agg(p.oid::regprocedure::text, ',' order by p.oid))
from pg_proc p where p.proleakproof and p.oid < 16384
union all
select 'column', r.name || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod),
                 case when co.collname <> 'default' then 'collate ' || co.collname end,
                 case when a.attnotnull then 'not null' end,
                 'default ' || pg_get_expr(d.adbin, d.adrelid))
from relations r
join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
left join pg_collation co on co.oid = a.attcollation
where r.relkind in ('r', 'p')
union all
select 'constraint', r.name || '.' || c.conname, pg_get_constraintdef(c.oid)
from relations r join pg_constraint c on c.conrelid = r.oid
union all
select 'index', r.name || '.' || i.indexrelid::regclass::text,
       pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' INVALID' end
from relations r join pg_index i on i.indrelid = r.oid
where r.relkind in ('r', 'p')
union all
select 'trigger', r.name || '.' || t.tgname, format('%s, enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
from relations r join pg_trigger t on t.tgrelid = r.oid
where not t.tgisinternal
union all
-- Foreign keys are enforced by internal triggers, which a superuser can switch off.
select distinct 'disabled key', r.name || '.' || c.conname, 'enforcement is switched off'
from relations r join pg_trigger t on t.tgrelid = r.oid join pg_constraint c on c.oid = t.tgconstraint
where t.tgisinternal and t.tgenabled <> 'O'
union all
select 'rule', r.name || '.' || w.rulename, pg_get_ruledef(w.oid)
from relations r join pg_rewrite w on w.ev_class = r.oid
where w.rulename <> '_RETURN'
union all
select 'policy', r.name || '.' || p.polname,
       format('%s for %s to %s using (%s) with check (%s)',
              case when p.polpermissive then 'permissive' else 'restrictive' end,
              case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
              (select string_agg(case when role = 0 then 'public' else role::regrole::text end, ', ' order by role::regrole::text)
               from unnest(p.polroles) as role),
              coalesce(pg_get_expr(p.polqual, p.polrelid), '-'),
              coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-'))
from relations r join pg_policy p on p.polrelid = r.oid
union all
select 'owner', 'function ' || p.oid::regprocedure, p.proowner::regrole::text
from pg_proc p join house on house.oid = p.pronamespace
union all
select 'function', p.oid::regprocedure::text, format(E'%s\n%s', case when p.prosecdef then 'security definer' else 'security invoker' end, pg_get_functiondef(p.oid))
from pg_proc p join house on house.oid = p.pronamespace
where p.prokind in ('f', 'p')
union all
-- Why a function may run with its owner's rights: audit.doors shows it.
select 'comment', 'function ' || p.oid::regprocedure, obj_description(p.oid, 'pg_proc')
from pg_proc p join house on house.oid = p.pronamespace
where p.prosecdef and obj_description(p.oid, 'pg_proc') is not null
union all
-- What a table, a column and a policy are for: \d+ shows it.
select 'comment', 'table ' || name, obj_description(oid, 'pg_class') from relations
where relkind in ('r', 'p') and obj_description(oid, 'pg_class') is not null
union all
select 'comment', 'column ' || r.name || '.' || a.attname, col_description(r.oid, a.attnum)
from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
where col_description(r.oid, a.attnum) is not null
union all
select 'comment', 'policy ' || r.name || '.' || p.polname, obj_description(p.oid, 'pg_policy')
from relations r join pg_policy p on p.polrelid = r.oid
where obj_description(p.oid, 'pg_policy') is not null
union all
-- One row a grantee: what the owner holds by owning is left out.
select g.kind, g.object || ' to ' || case when a.grantee = 0 then 'public' else a.grantee::regrole::text end,
       string_agg(lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end, ', '
                  order by a.privilege_type)
from grants g, aclexplode(g.acl) a
where a.grantee <> a.grantor
group by g.kind, g.object, a.grantee
union all
select 'role', rolname::text,
       concat_ws(' ', case when rolcanlogin then 'login' end, case when rolsuper then 'SUPERUSER' end,
                 case when rolbypassrls then 'bypassrls' end, case when rolcreaterole then 'CREATEROLE' end,
                 case when rolcreatedb then 'CREATEDB' end, case when rolreplication then 'REPLICATION' end,
                 case when rolinherit then 'inherit' end)
-- rowhouse_doors is no role of the house any more, and goes when no database of the cluster needs it (sql/bootstrap.sql).
from pg_roles where rolname ~ '^rowhouse_' and rolname <> 'rowhouse_doors'
union all
select 'role member', m.roleid::regrole || ' has member ' || m.member::regrole, 'member'
from pg_auth_members m
where (m.member::regrole::text ~ '^rowhouse_' or m.roleid::regrole::text ~ '^rowhouse_')
  and not (m.roleid::regrole::text = 'rowhouse_doors' and m.member::regrole::text = 'rowhouse_migrator')
union all
select 'role setting',
       coalesce(r.rolname, 'every role') || case when s.setdatabase = 0 then '' else ' in this database' end,
       array_to_string(s.setconfig, ', ')
from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole
where (s.setrole = 0 or r.rolname ~ '^rowhouse_')
  and s.setdatabase in (0, (select oid from pg_database where datname = current_database()));

alter view audit.catalog owner to rowhouse_owner;
grant select on audit.catalog to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_platform, rowhouse_auditor;
