-- id: null-tenant
-- severity: error
-- finds: a policy that shows rows without a tenant to everyone
-- why: a row whose tenant column is null belongs to nobody and is seen, or written, by all.
-- mend: make the tenant column not null and drop that alternative; shared rows belong in a table of their own.

-- Policies are judged by the program, which leaves its verdicts in audit.verdicts. In psql, before scope.psql:
--   \set verdicts `rowhouse audit --verdicts --database-url …`
select v."table" || '.' || quote_ident(v.policy) as object,
       string_agg(distinct v.command || case v.clause when 'check' then ' (rows written)' else '' end, ', ')
           || ' by ' || string_agg(distinct v.role, ', ') || ': rows without a tenant pass: ' || min(v.expression) as detail,
       null as fix
from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
     as v ("table" text, role text, command text, clause text, verdict text, hole text, policy text, expression text)
where v.verdict = 'open' and v.hole = 'null-tenant'
group by v."table", v.policy
order by 1;
