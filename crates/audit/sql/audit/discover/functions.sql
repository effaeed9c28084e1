-- The database's own functions as policies name them, with what they say and who wrote them.
select quote_ident(n.nspname) || '.' || quote_ident(p.proname) as name, r.rolsuper as owned_by_superuser,
       regexp_replace(regexp_replace(case when p.prosrc <> '' or p.prokind not in ('f', 'p') then p.prosrc else pg_get_functiondef(p.oid) end,
                                     '/\*.*?\*/', ' ', 'g'), '--[^\n]*', ' ', 'g') as source
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_roles r on r.oid = p.proowner
where n.oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[]) and p.prokind in ('f', 'p')
order by name;
