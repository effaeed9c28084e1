-- Who holds a lock on one of these tables, in whichever mode.
select distinct l.virtualtransaction as transaction, l.pid, c.relname::text as relation
from pg_catalog.pg_locks l join pg_catalog.pg_class c on c.oid = l.relation
where l.locktype = 'relation' and l.granted and l.pid <> pg_catalog.pg_backend_pid()
  and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
  and l.relation in (select pg_catalog.to_regclass(name) from unnest($1::text[]) name)
