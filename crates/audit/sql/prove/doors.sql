-- Breaks doors, SECURITY DEFINER functions that run as somebody else, in what they ask for; and hands out what opens them. `door` is what is
-- attacked, and nothing else.
with server as (
    select rolname, oid, place from pg_roles
    join unnest(string_to_array(current_setting('audit.roles'), ',')::oid[]) with ordinality as named (id, place) on named.id = oid
), doors as (
    select quote_ident(n.nspname) || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as signature,
           pg_get_functiondef(p.oid) as definition, p.prosrc, p.proargnames,
           -- Yes or no, told to whoever has the hash and changing nothing, is no way in.
           p.prorettype = 'boolean'::regtype and p.provolatile <> 'v' as only_tells
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.oid = any (string_to_array(current_setting('audit.schemas'), ',')::oid[]) and p.prokind = 'f' and p.prosecdef
      and exists (select from server where has_function_privilege(server.oid, p.oid, 'execute') and p.proowner <> server.oid)
      and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
), sealed as (
    -- A parameter that proves something, given to a function that answers nothing and so can only raise.
    select doors.signature, doors.definition, proof.name
    from doors, unnest(doors.proargnames) as proof (name)
    where proof.name in ('seal', 'signature', 'mac', 'hmac', 'proof')
      and doors.prosrc ~ ('perform\s+[\w.]+\([^;]*\m' || proof.name || '\)\s*;')
), hashed as (
    -- What is presented is hashed and compared with what is stored.
    select doors.signature, doors.definition, string_agg(given.name, '|') as names
    from doors, unnest(doors.proargnames) as given (name)
    where not doors.only_tells and doors.prosrc ~ ('=\s*(pg_catalog\.)?sha(256|384|512)\(' || given.name || '\)')
      and doors.prosrc !~ ('set\s+\w+\s*=\s*(pg_catalog\.)?sha(256|384|512)\(' || given.name || '\)')
      -- Where it is handed on too, another function hashes and compares it once more, and lets nobody in.
      and regexp_replace(doors.prosrc, 'sha(256|384|512)\(' || given.name || '\)', '', 'g') !~ ('\m' || given.name || '\M')
    group by 1, 2
)
select 'door-without-seal' as mutant, signature as object, null::text as "table", signature as door,
       regexp_replace(definition, 'perform\s+[\w.]+\([^;]*\m' || name || '\)\s*;', 'null;') as statement
from sealed
union all
select 'hash-compared-as-stored', signature, null, signature,
       regexp_replace(definition, '(pg_catalog\.)?sha(256|384|512)\((' || names || ')\)', '\3', 'g')
from hashed
union all
-- What rowhouse-audit.toml says opens something.
select 'secret-granted', secret.name || ' to ' || server.rolname, null, '',
       format('grant usage on schema %I to %I; grant select (%I) on %I.%I to %I', parts[1], server.rolname, parts[3], parts[1], parts[2], server.rolname)
from unnest(string_to_array(current_setting('audit.secrets', true), ',')) as secret (name), string_to_array(secret.name, '.') as parts, server
where secret.name <> ''
order by 1, 2;
