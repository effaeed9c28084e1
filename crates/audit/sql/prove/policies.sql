-- Breaks policies of the tenant tables that bind a runtime role, one at a time.
with here as (
    select p.*, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname) as name,
           pg_get_expr(p.polqual, p.polrelid) as qual, pg_get_expr(p.polwithcheck, p.polrelid) as checks,
           case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
           (select string_agg(case when role = 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', ') from unnest(p.polroles) as role) as roles,
           (select a.attname from pg_attribute a
            where a.attrelid = p.polrelid and a.attname = any (string_to_array(current_setting('audit.columns'), ',')) limit 1) as tenant,
           exists (select from pg_roles r
                   where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
                     and has_any_column_privilege(r.oid, c.oid, 'insert, update')) as writable,
           exists (select from pg_policy r
                   where r.polrelid = p.polrelid and not r.polpermissive and r.polcmd in (p.polcmd, '*') and r.polqual is not null) as behind_a_wall,
           -- It says what the wall says, and nothing changes where it says anything less.
           p.polpermissive and exists (
               select from pg_policy r
               where r.polrelid = p.polrelid and not r.polpermissive and r.polcmd = '*' and p.polroles <@ r.polroles
                 and pg_get_expr(r.polqual, r.polrelid) = pg_get_expr(p.polqual, p.polrelid)
                 and pg_get_expr(p.polqual, p.polrelid) = coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid))) as repeats_the_wall
    from pg_policy p
    join pg_class c on c.oid = p.polrelid
    join pg_namespace n on n.oid = c.relnamespace
    where p.polrelid = any (string_to_array(current_setting('audit.tables'), ',')::oid[])
      and exists (select from pg_roles r, unnest(p.polroles) as named
                  where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
                    and (named = 0 or pg_has_role(r.oid, named, 'usage'))
                    -- A policy for a role without a grant holds nothing, so its loss costs nothing.
                    and case p.polcmd when 'd' then has_table_privilege(r.oid, c.oid, 'delete')
                        else has_any_column_privilege(r.oid, c.oid, case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'select, insert, update' end) end)
), settings as (
    select current_setting('audit.setting') as setting,
           format('current_setting(%L, true) is null or current_setting(%L, true) = %L', current_setting('audit.setting'), current_setting('audit.setting'), '') as is_missing
)
select 'drop-policy' as mutant, name || '.' || polname as object, name as "table", format('drop policy %I on %s', polname, name) as statement from here
union all
select 'using-true', name || '.' || polname, name, format('alter policy %I on %s using (true)', polname, name) from here
where qual <> 'true' and not repeats_the_wall
  -- Behind a wall a permissive UPDATE policy has a twin in its WITH CHECK.
  and not (polcmd = 'w' and polpermissive and behind_a_wall and checks is not null)
union all
select 'using-and-check-true', name || '.' || polname, name, format('alter policy %I on %s using (true) with check (true)', polname, name) from here
where qual is not null and checks is not null and (qual <> 'true' or checks <> 'true') and not repeats_the_wall
union all
-- The check of a permissive UPDATE policy behind a wall sees only rows its USING has let through, and the wall
-- has the last word on where they go: without it nothing changes.
select 'check-true', name || '.' || polname, name, format('alter policy %I on %s with check (true)', polname, name) from here
where checks <> 'true' and writable and not (polcmd = 'w' and polpermissive and behind_a_wall)
union all
select 'restrictive-to-permissive', name || '.' || polname, name,
       format('drop policy %I on %s; create policy %I on %s for %s to %s %s %s', polname, name, polname, name, command, roles,
              'using (' || qual || ')', 'with check (' || checks || ')')
from here where not polpermissive
union all
select 'extra-permissive-true', name, name, format('create policy mutant on %s using (true) with check (true)', name)
from (select distinct name, polrelid from here) as tables
-- It changes something where a role may not do to every row behind the wall already what it has a grant for.
where exists (
    select from pg_roles r cross join (values ('r', 'select'), ('a', 'insert'), ('w', 'update'), ('d', 'delete')) as can (command, privilege)
    where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[])
      and case can.command when 'd' then has_table_privilege(r.oid, polrelid, 'delete')
                           else has_any_column_privilege(r.oid, polrelid, can.privilege) end
      and not exists (select from here h, unnest(h.polroles) as named
                      where h.polrelid = tables.polrelid and h.polpermissive and h.polcmd::text in (can.command, '*')
                        and coalesce(h.qual, h.checks) = 'true' and (named = 0 or pg_has_role(r.oid, named, 'usage'))))
union all
select 'misspelt-setting', name || '.' || polname, name,
       format('alter policy %I on %s', polname, name) || coalesce(' using (' || replace(qual, settings.setting, settings.setting || 's') || ')', '')
           || coalesce(' with check (' || replace(checks, settings.setting, settings.setting || 's') || ')', '')
from here, settings where concat(qual, checks) like '%' || settings.setting || '%' and not repeats_the_wall
union all
select 'or-unset', name || '.' || polname, name,
       format('alter policy %I on %s', polname, name) || coalesce(' using ((' || qual || ') or ' || is_missing || ')', '')
           || coalesce(' with check ((' || checks || ') or ' || is_missing || ')', '')
from here, settings where concat(qual, checks) like '%' || settings.setting || '%' and not repeats_the_wall
union all
select 'tenant-with-itself', name || '.' || polname, name, format('alter policy %I on %s using (%I = %I)', polname, name, tenant, tenant)
from here, settings where qual like '%' || settings.setting || '%' and not repeats_the_wall
union all
select 'or-null-tenant', name || '.' || polname, name,
       format('alter table %s alter %I drop not null; alter policy %I on %s using ((%s) or %I is null)', name, tenant, polname, name, qual, tenant)
from here, settings
where qual like '%' || settings.setting || '%'
  and not exists (select from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
                  where k.conrelid = polrelid and k.contype = 'p' and a.attname = tenant)
union all
-- SELECT stays walled; a DELETE that reads no column is not.
select 'blind-delete', name || '.' || polname, name,
       format('drop policy %I on %s; create policy %I on %s as restrictive for select to %s using (%s); create policy mutant on %s for delete using (true)',
              polname, name, polname, name, roles, qual, name)
from here
where not polpermissive and polcmd = '*'
  and exists (select from pg_roles r
              where r.oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[]) and has_table_privilege(r.oid, polrelid, 'delete'))
union all
-- No wall, and a permissive policy that does not ask whose row it is.
select 'open-read', name, name,
       (select string_agg(format('drop policy %I on %s; ', w.polname, w.name), '') from here w where w.name = here.name and not w.polpermissive)
           || format('alter policy %I on %s using (true)', polname, name)
from here
where polpermissive and polcmd in ('r', '*') and exists (select from here w where w.name = here.name and not w.polpermissive)
union all
select 'open-insert', name, name,
       (select string_agg(format('drop policy %I on %s; ', w.polname, w.name), '') from here w where w.name = here.name and not w.polpermissive)
           || format('alter policy %I on %s with check (true)', polname, name)
from here
where polpermissive and polcmd = 'a' and exists (select from here w where w.name = here.name and not w.polpermissive)
union all
select 'policy-for-nobody', name, name, format('create policy mutant on %s for delete to %I using (true)', name, r.rolname)
from (select distinct name, polrelid from here) as tables
join lateral (select rolname, oid from pg_roles
              where oid = any (string_to_array(current_setting('audit.roles'), ',')::oid[]) and not has_table_privilege(oid, polrelid, 'delete')
              limit 1) as r on true
order by 1, 2;
