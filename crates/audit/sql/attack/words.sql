-- What the policies of the tenant tables say: the words in it are what functions called by policies understand.
select distinct concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
from pg_policy
where polrelid = any (string_to_array(current_setting('audit.tables'), ',')::oid[]);
