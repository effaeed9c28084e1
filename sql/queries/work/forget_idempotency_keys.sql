-- A thousand keys at most that have expired: of each caller the first to expire, by the index that is theirs.
with recursive callers as (
    (select principal from tenant.idempotency_keys where tenant_id = $1 order by principal limit 1)
    union all
    select (select k.principal from tenant.idempotency_keys k
            where k.tenant_id = $1 and k.principal > c.principal order by k.principal limit 1)
    from callers c where c.principal is not null),
over as materialized (
    select o.principal, o.key from callers c
    cross join lateral (
        select k.principal, k.key from tenant.idempotency_keys k
        where k.tenant_id = $1 and k.principal = c.principal and k.expires_at <= now()
        order by k.expires_at limit 1000) o
    limit 1000)
delete from tenant.idempotency_keys k
using over where k.tenant_id = $1 and k.principal = over.principal and k.key = over.key
returning k.principal
