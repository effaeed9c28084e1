-- What the house's tables have now of what files of sql/policies make.
select n.nspname || '.' || c.relname as relation, 'table' as kind, '' as name, true as permissive, '' as command,
       c.relrowsecurity as using_there, c.relforcerowsecurity as check_there
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('tenant', 'registry') and c.relkind in ('r', 'p')
union all
select n.nspname || '.' || c.relname, 'policy', p.polname, p.polpermissive, p.polcmd::text,
       p.polqual is not null, p.polwithcheck is not null
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('tenant', 'registry')
union all
select n.nspname || '.' || c.relname, 'trigger', t.tgname, true, '', false, false
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('tenant', 'registry') and not t.tgisinternal
