-- A thousand tickets at most that have expired: of each caller the first to expire, by the index that is theirs.
with recursive callers as (
    (select principal from tenant.tickets where tenant_id = $1 order by principal limit 1)
    union all
    select (select t.principal from tenant.tickets t
            where t.tenant_id = $1 and t.principal > c.principal order by t.principal limit 1)
    from callers c where c.principal is not null),
over as materialized (
    select o.principal, o.id from callers c
    cross join lateral (
        select t.principal, t.id from tenant.tickets t
        where t.tenant_id = $1 and t.principal = c.principal and t.expires_at <= now()
        order by t.expires_at limit 1000) o
    limit 1000)
delete from tenant.tickets t
using over where t.tenant_id = $1 and t.principal = over.principal and t.id = over.id
returning t.principal
