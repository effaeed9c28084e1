-- id: empty-tenant
-- severity: warning
-- finds: a tenant column of text that accepts the empty string
-- why: a setting that was set in an earlier transaction is '' afterwards, not missing: rows of the tenant ''
--   are shared by every session that forgot to say who it is.
--   Accepted as a guard: a validated CHECK, of the table or a domain, that compares with '', asks for a length,
--   lists values, or matches a pattern that '' does not match; or a foreign key to a column so guarded.
-- mend: alter table … add check (… <> ''), or use uuid or bigint
with recursive tables as (
    select c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from unnest(string_to_array(current_setting('audit.tables'), ',')::oid[]) as listed (oid)
    join pg_class c on c.oid = listed.oid
    join pg_namespace n on n.oid = c.relnamespace
), tenant_columns as materialized (
    select a.attrelid, a.attnum, a.attname, a.attnotnull, a.atttypid, a.attacl
    from tables
    join pg_attribute a on a.attrelid = tables.oid and a.attnum > 0 and not a.attisdropped
    where a.attname = any (string_to_array(current_setting('audit.columns'), ',')::name[])
), children as (
    select distinct i.inhrelid as oid
    from pg_inherits i join tables parent on parent.oid = i.inhparent
), domains (type, domain) as (
    select y.oid, y.oid from pg_type y where y.typtype = 'd' and y.typcategory = 'S'
    union
    select d.type, y.typbasetype
    from domains d join pg_type y on y.oid = d.domain and y.typtype = 'd'
    where y.typbasetype <> 0
), texts as (
    select c.attrelid, c.attnum, c.attname, c.atttypid
    from tenant_columns c join pg_type y on y.oid = c.atttypid and y.typcategory = 'S'
), columns (relation, attnum) as (
    -- Those in question: the tenant columns, and what their foreign keys point to.
    select attrelid, attnum from texts
    union
    select k.confrelid, k.confkey[u.i]
    from columns c
    join pg_constraint k on k.conrelid = c.relation and k.contype = 'f' and k.convalidated
    cross join generate_subscripts(k.conkey, 1) as u (i)
    where k.conkey[u.i] = c.attnum
), conditions as (
    -- The conditions on them, with the column's name in them.
    select c.relation, c.attnum, quote_ident(a.attname) as column_name, pg_get_expr(k.conbin, k.conrelid) as condition
    from columns c
    join pg_attribute a on a.attrelid = c.relation and a.attnum = c.attnum
    join pg_constraint k on k.conrelid = c.relation and k.contype = 'c' and k.convalidated and c.attnum = any (k.conkey)
    union all
    select c.relation, c.attnum, 'VALUE', pg_get_constraintdef(k.oid)
    from columns c
    join pg_attribute a on a.attrelid = c.relation and a.attnum = c.attnum
    join domains d on d.type = a.atttypid
    join pg_constraint k on k.contypid = d.domain and k.contype = 'c' and k.convalidated
), plain as (
    -- Without casts and parentheses, so that one form stands for the many in which it is written.
    select relation, attnum, regexp_replace(column_name, '([^\w])', '\\\1', 'g') as name,
           btrim(regexp_replace(translate(regexp_replace(regexp_replace(condition,
               'OPERATOR\([\w"]+\.([^)]+)\)', '\1', 'g'),
               '::("[^"]+"|[a-z_][\w ]*)(\."?\w+"?)?(\(\d+\))?', '', 'g'), '()', '  '), '\s+', ' ', 'g')) as said,
           condition, column_name
    from conditions
    -- What stands beside it, or turns it round, may let '' through.
    where condition !~ ' OR |\mCASE\M' and replace(condition, 'IS NOT NULL', '') !~ '\mNOT\M'
), patterns as (
    select p.relation, p.attnum, m.part[1] as operator,
           replace(case when m.part[2] = 'E' then replace(m.part[3], '\\', '\') else m.part[3] end, '''''', '''') as pattern
    from (
        select relation, attnum, name,
               regexp_replace(replace(condition, '(' || column_name || ')', column_name), '::("[^"]+"|[a-z_][\w ]*)(\."?\w+"?)?', '', 'g') as said
        from plain
    ) p,
    regexp_matches(p.said, p.name || '\)?\s*(?:OPERATOR\([\w"]+\.)?(~~\*|~~|~\*|~)\)?\s*(E?)''((?:[^'']|'''')*)''',
                   'g') as m (part)
), guarded (relation, attnum) as (
    select relation, attnum from plain
    where said ~ ('(^ ?|\m(AND|CHECK|FROM|btrim|ltrim|rtrim|lower|upper) )' || name || ' (<>|>) ''''')
       or said ~ ('''''( )?(<>|<) ' || name)
       or said ~* ('\m(length|char_length|character_length|octet_length) ((btrim|ltrim|rtrim|lower|upper|trim both from) )?'
                   || name || ' (>= [1-9]|> \d|= [1-9])')
       or (said ~ ('(^|[ ,])' || name || ' = ANY ARRAY\[') and said !~ '[\[ ]''''[,\]]')
       or said ~ ('(^|[ ,])' || name || ' = ''[^'']')
    union
    select relation, attnum from patterns
    where case operator when '~' then '' !~ pattern when '~*' then '' !~* pattern
                        when '~~' then '' !~~ pattern else '' !~~* pattern end
    union
    select k.conrelid, k.conkey[u.i]
    from guarded g
    join pg_constraint k on k.confrelid = g.relation and k.contype = 'f' and k.convalidated
    cross join generate_subscripts(k.conkey, 1) as u (i)
    where k.confkey[u.i] = g.attnum
      -- A composite key is not checked while another of its columns is null.
      and not exists (
          select from pg_attribute a
          where a.attrelid = k.conrelid and a.attnum = any (k.conkey) and a.attnum <> k.conkey[u.i] and not a.attnotnull)
)
select t.name || '.' || quote_ident(c.attname) as object,
       format('of type %s, and nothing refuses the empty string', format_type(c.atttypid, null)) as detail,
       format('alter table %s add check (%I <> '''')', t.name, c.attname) as fix
from (
    select * from texts
    except
    select t.* from guarded g join texts t on t.attrelid = g.relation and t.attnum = g.attnum
) c
join tables t on t.oid = c.attrelid
where t.oid not in (select oid from children)
order by 1;
