-- id: role-bypasses
-- severity: error
-- finds: a runtime role that is a superuser or has BYPASSRLS
-- why: no policy applies to it.
-- mend: alter role … nosuperuser nobypassrls
select r.rolname::text as object,
       case when r.rolsuper then 'is a superuser: no policy and no privilege stops it'
            else 'has BYPASSRLS: no policy applies to it' end as detail,
       format('alter role %I nosuperuser nobypassrls', r.rolname) as fix
from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
join pg_roles r on r.oid = listed.oid
where r.rolsuper or r.rolbypassrls
order by 1;
