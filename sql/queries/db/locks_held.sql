-- What this transaction has locked of the house's tables, but for the modes in which every SELECT does.
select l.mode || ' ' || n.nspname || '.' || c.relname as lock
from pg_catalog.pg_locks l
join pg_catalog.pg_class c on c.oid = l.relation
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where l.locktype = 'relation' and l.granted and l.pid = pg_catalog.pg_backend_pid()
  and n.nspname in ('tenant', 'registry', 'audit') and c.relkind in ('r', 'p', 'v', 'm')
  and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
order by 1
