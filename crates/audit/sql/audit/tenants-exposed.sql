-- id: tenants-exposed
-- severity: error
-- finds: the table of the tenants themselves, which tenant columns point to, open to a runtime role
-- why: it has no tenant column, so nothing asks for a wall there; but its rows are the tenants. To delete one may
--   delete all that belongs to it, to change its key gives that to another, both past every policy. A note
--   where it can only be read: a list of all tenants.
-- mend: enable and force row level security on it, with a policy key = (select current_setting(...)::type); or revoke
with runtime as (
    select r.oid, r.rolname
    from unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) as listed (oid)
    join pg_roles r on r.oid = listed.oid
    where not r.rolsuper  -- it may do everything; role-bypasses says so
), tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), tenant_columns as materialized (
    select a.attrelid, a.attnum, a.attname, a.attnotnull, a.atttypid, a.attacl
    from tables
    join pg_attribute a on a.attrelid = tables.oid and a.attnum > 0 and not a.attisdropped
    where a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[])
), policies as (
    -- Which policies bind which runtime role, and which of them let every row pass.
    select p.polrelid, r.oid as role, p.polcmd, p.polpermissive,
           coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) = 'true' as literally_true
    from pg_policy p
    join runtime r on exists (select from unnest(p.polroles) as named where named = 0 or pg_has_role(r.oid, named, 'usage'))
), passed as (
    -- Who gets every row of a table with row level security, by which command.
    select p.polrelid, p.role, c.command
    from policies p
    join (values ('r'), ('a'), ('w'), ('d')) as c (command) on p.polcmd in ('*', c.command::"char")
    group by p.polrelid, p.role, c.command
    having bool_or(p.polpermissive and p.literally_true) and not bool_or(not p.polpermissive and not p.literally_true)
), referenced as (
    -- What foreign keys of tenant columns point to, and the columns that are pointed at.
    select k.confrelid as oid, array_agg(distinct pointed.attnum) as columns, bool_or(k.confdeltype = 'c') as cascades,
           string_agg(distinct t.name, ', ') as by
    from pg_constraint k
    join tables t on t.oid = k.conrelid
    cross join unnest(k.confkey) as pointed (attnum)
    where k.contype = 'f' and k.conparentid = 0 and k.confrelid not in (select oid from tables)
      and exists (select from tenant_columns c where c.attrelid = k.conrelid and c.attnum = any (k.conkey))
    group by k.confrelid
), unwalled as (
    -- By which role, with which command, no policy narrows it.
    select f.oid, r.oid as role, c.command
    from referenced f
    join pg_class t on t.oid = f.oid
    cross join runtime r
    cross join (values ('r'), ('w'), ('d')) as c (command)
    where not t.relrowsecurity
       or not t.relforcerowsecurity and pg_has_role(r.oid, t.relowner, 'usage')
       or exists (select from passed p where p.polrelid = f.oid and p.role = r.oid and p.command = c.command)
), open as (
    select u.oid, r.rolname,
           bool_or(u.command = 'd' and has_table_privilege(u.role, u.oid, 'delete')) as deletes,
           bool_or(u.command = 'w' and exists (select from unnest(f.columns) as a (attnum)
                                               where has_column_privilege(u.role, u.oid, a.attnum, 'update'))) as updates,
           bool_or(u.command = 'r' and (has_table_privilege(u.role, u.oid, 'select')
                                        or has_any_column_privilege(u.role, u.oid, 'select'))) as reads
    from unwalled u
    join referenced f on f.oid = u.oid
    join runtime r on r.oid = u.role
    group by u.oid, r.rolname
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as object,
       format('%s; %s points to it', concat_ws('; ',
              string_agg(o.rolname, ', ' order by o.rolname) filter (where o.deletes)
                  || ' may delete any tenant' || case when f.cascades then ', and all its rows with it' else '' end,
              string_agg(o.rolname, ', ' order by o.rolname) filter (where o.updates) || ' may change any tenant''s key',
              string_agg(o.rolname, ', ' order by o.rolname) filter (where o.reads) || ' may read all tenants'),
              f.by) as detail,
       case when not c.relrowsecurity then format('alter table %I.%I enable row level security, force row level security, and make a policy on its key',
                        n.nspname, c.relname)
            else format('drop the policy of %I.%I that is true, or revoke what it opens', n.nspname, c.relname) end as fix,
       case when bool_or(o.deletes or o.updates) then 'error' else 'info' end as severity
from open o
join referenced f on f.oid = o.oid
join pg_class c on c.oid = o.oid
join pg_namespace n on n.oid = c.relnamespace
where o.deletes or o.updates or o.reads
group by n.nspname, c.relname, c.relrowsecurity, f.by, f.cascades
order by 1;
