-- id: policy-unjudged
-- severity: warning
-- finds: a policy of which the audit cannot tell whether it keeps to the tenant
-- why: it asks a table, or a function whose answer did not follow the setting when tried. It may be right; only
--   rowhouse attack, or a reader, can say.
-- mend: read it, run rowhouse attack, and ignore this finding with what you found as the reason; or add a restrictive policy on the tenant column.

-- Policies are judged by the program, which leaves its verdicts in audit.verdicts. In psql, before scope.psql:
--   \set verdicts `rowhouse audit --verdicts --database-url …`
select v."table" || '.' || quote_ident(v.policy) as object,
       string_agg(distinct v.command || case v.clause when 'check' then ' (rows written)' else '' end, ', ')
           || ' by ' || string_agg(distinct v.role, ', ') || ': could not be judged: ' || min(v.expression) as detail,
       null as fix
from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
     as v ("table" text, role text, command text, clause text, verdict text, hole text, policy text, expression text)
where v.verdict = 'unknown'
group by v."table", v.policy
order by 1;
