-- id: key-not-enforced
-- severity: warning
-- finds: a foreign key, check or not-null constraint on a tenant table that is not validated, not enforced or switched off
-- why: what the schema promises does not hold for the rows that are there, or for those that come.
-- mend: alter table … validate constraint …, or alter table … enable trigger all
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), switched_off as (
    select distinct g.tgconstraint
    from pg_trigger g
    where g.tgisinternal and g.tgconstraint <> 0 and g.tgenabled <> 'O'
      and (g.tgrelid in (select oid from tables) or g.tgconstrrelid in (select oid from tables))
), constraints as (
    select k.*, to_jsonb(k) ->> 'conenforced' = 'false' as not_enforced,  -- 18 and later
           k.oid in (select tgconstraint from switched_off) as off
    from pg_constraint k
    where k.contype in ('f', 'c', 'n')
)
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(k.conname) as object,
       format('%s is %s', pg_get_constraintdef(k.oid),
              case when k.off then 'switched off: a trigger that enforces it is disabled'
                   when k.not_enforced then 'not enforced'
                   else 'not validated: rows written before it may break it' end) as detail,
       case when k.off then format('alter table %I.%I enable trigger all', n.nspname, c.relname)
            when k.not_enforced then format('alter table %I.%I alter constraint %I enforced', n.nspname, c.relname, k.conname)
            else format('alter table %I.%I validate constraint %I', n.nspname, c.relname, k.conname) end as fix
from constraints k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where k.conparentid = 0
  and ((k.conrelid in (select oid from tables) and not k.convalidated) or k.off)
order by 1;
