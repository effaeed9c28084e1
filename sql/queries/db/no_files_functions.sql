-- Functions of the house that no file makes any more.
select p.oid::regprocedure::text as name
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('tenant', 'registry', 'audit')
  and not exists (select from audit.made m where starts_with(m.path, 'functions/') and m.object = p.oid::regprocedure::text)
