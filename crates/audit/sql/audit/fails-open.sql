-- id: fails-open
-- severity: error
-- finds: a policy that lets rows through when no tenant is set, or an empty one
-- why: a fresh connection has no setting and a recycled one has an empty one; code that forgets to set the
--   tenant must meet an error, not everybody's rows.
-- mend: compare with current_setting(...) without missing_ok and without a fallback, so that both states raise.

-- Policies are judged by the program, which leaves its verdicts in audit.verdicts. In psql, before scope.psql:
--   \set verdicts `rowhouse audit --verdicts --database-url …`
select v."table" || '.' || quote_ident(v.policy) as object,
       string_agg(distinct v.command || case v.clause when 'check' then ' (rows written)' else '' end, ', ')
           || ' by ' || string_agg(distinct v.role, ', ') || ': holds without a tenant: ' || min(v.expression) as detail,
       null as fix
from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
     as v ("table" text, role text, command text, clause text, verdict text, hole text, policy text, expression text)
where v.verdict = 'open' and v.hole = 'fails-open'
group by v."table", v.policy
order by 1;
