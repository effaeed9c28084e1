-- Roles that would be an escape for audit.role, the strongest first. A group with no more rights than one's own is none.
select r.rolname
from pg_roles r
where r.rolname <> current_setting('audit.role')
  and (r.rolsuper or r.rolbypassrls or r.rolname like 'pg\_%'
       or r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
       or exists (select from pg_class c
                  where c.relowner = r.oid and c.oid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])))
order by r.rolsuper desc, r.rolbypassrls desc, r.rolname
limit 200;
