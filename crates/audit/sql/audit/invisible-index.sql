-- id: invisible-index
-- severity: warning
-- finds: an index on a table with row level security that its policies keep from being used
-- why: a condition becomes an index condition before the policy only if its operator is leakproof. LIKE, full
--   text, arrays, jsonb, numeric, enums and expressions such as lower(x) are not: the index is kept up to date
--   at every write, and each page reads all of the tenant's rows. Unique indexes are there for uniqueness.
-- mend: store what is asked for in a column with leakproof operators (uuid, bigint, text, date), or drop the index
with tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), keys as (
    select x.indexrelid, x.indrelid, x.indexprs, k.position,
           c.opcfamily, c.opcintype, m.amname,
           x.indkey[k.position - 1] = 0 as expression
    from tables t
    join pg_index x on x.indrelid = t.oid and not x.indisunique and not x.indisexclusion
    join pg_class i on i.oid = x.indexrelid and not i.relispartition
    join pg_am m on m.oid = i.relam
    cross join generate_series(1, x.indnkeyatts) as k (position)
    join pg_opclass c on c.oid = x.indclass[k.position - 1]
    where t.relrowsecurity
), leaking as (
    -- Operator classes, by family and type, with an operator that is not leakproof.
    select f.amopfamily, f.amoplefttype, string_agg(distinct o.oprname, ' ') as operators
    from pg_amop f
    join pg_am m on m.oid = f.amopmethod
    join pg_operator o on o.oid = f.amopopr
    join pg_proc p on p.oid = o.oprcode and not p.proleakproof
    where f.amoppurpose = 's'
      and case m.amname when 'btree' then f.amopstrategy = 3 and f.amoprighttype = f.amoplefttype
                        when 'hash' then f.amopstrategy = 1 and f.amoprighttype = f.amoplefttype
                        when 'brin' then f.amoprighttype = f.amoplefttype
                        else true end
    group by f.amopfamily, f.amoplefttype
), called as (
    -- The functions and operators that stand in the expressions of an index.
    select x.indexrelid, string_agg(distinct p.proname, ', ') as names
    from (select distinct indexrelid, indexprs from keys where indexprs is not null) x
    cross join regexp_matches(x.indexprs::text, ':(funcid|opno) (\d+)', 'g') as m (part)
    left join pg_operator o on m.part[1] = 'opno' and o.oid = m.part[2]::oid
    join pg_proc p on p.oid = case when m.part[1] = 'opno' then o.oprcode else m.part[2]::oid end and not p.proleakproof
    group by x.indexrelid
)
select quote_ident(n.nspname) || '.' || quote_ident(i.relname) as object,
       format('on %s: %s', t.name, string_agg(
           pg_get_indexdef(k.indexrelid, k.position, false)
           || case when k.expression and c.names is not null then format(' calls %s, not leakproof', c.names)
                   else format(' is found by %s, not leakproof', l.operators) end, '; ' order by k.position)) as detail,
       format('drop index %I.%I', n.nspname, i.relname) as fix
from keys k
join tables t on t.oid = k.indrelid
join pg_class i on i.oid = k.indexrelid
join pg_namespace n on n.oid = i.relnamespace
left join leaking l on l.amopfamily = k.opcfamily and l.amoplefttype = k.opcintype
left join called c on c.indexrelid = k.indexrelid
where l.amopfamily is not null or (k.expression and c.names is not null)
group by n.nspname, i.relname, t.name
order by 1;
