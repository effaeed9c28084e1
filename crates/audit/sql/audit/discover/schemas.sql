-- Which schemas the audit looks into, unless told: all but PostgreSQL's own and those of extensions.
select n.oid, n.nspname
from pg_namespace n
where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')
order by n.nspname;
