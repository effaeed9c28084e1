-- id: blind-write
-- severity: error
-- finds: an UPDATE or DELETE policy that lets through what the SELECT policies hide
-- why: a statement that reads no column, such as DELETE without WHERE, is held by the policies of its own
--   command alone: the SELECT policies do not apply to it, and rows that cannot be seen are changed.
-- mend: keep the policy named to the tenant by itself, or add a restrictive policy for all commands.

-- Policies are judged by the program, which leaves its verdicts in audit.verdicts. In psql, before scope.psql:
--   \set verdicts `rowhouse audit --verdicts --database-url …`
select v."table" || '.' || quote_ident(v.policy) as object,
       string_agg(distinct v.command || case v.clause when 'check' then ' (rows written)' else '' end, ', ')
           || ' by ' || string_agg(distinct v.role, ', ') || ': a statement without WHERE reaches every tenant: ' || min(v.expression) as detail,
       null as fix
from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
     as v ("table" text, role text, command text, clause text, verdict text, hole text, policy text, expression text)
where v.verdict = 'open' and v.hole in ('no-tenant', 'always') and v.clause = 'using' and v.command in ('update', 'delete')
  and not exists (
      select from jsonb_to_recordset(current_setting('audit.verdicts')::jsonb)
                  as s ("table" text, role text, command text, clause text, verdict text, policy text)
      where s."table" = v."table" and s.role = v.role and s.command = 'select' and s.verdict = 'open' and s.policy = v.policy)
group by v."table", v.policy
order by 1;
