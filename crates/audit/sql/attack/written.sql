-- How many rows this transaction has tried to write in each table of the schemas in scope. The counters only grow: what is taken back stays counted.
select format('%I.%I', schemaname, relname) as name, n_tup_ins + n_tup_upd + n_tup_del as written
from pg_stat_xact_user_tables
where schemaname::regnamespace::oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[]) and n_tup_ins + n_tup_upd + n_tup_del > 0;
