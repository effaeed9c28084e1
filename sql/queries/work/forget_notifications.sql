-- A thousand notifications at most that are older than $2 days: of each member the oldest, off the key. An id says when it was made.
with recursive members as (
    (select user_id from tenant.notifications where tenant_id = $1 order by user_id limit 1)
    union all
    select (select n.user_id from tenant.notifications n
            where n.tenant_id = $1 and n.user_id > m.user_id order by n.user_id limit 1)
    from members m where m.user_id is not null),
over as materialized (
    select o.user_id, o.id from members m
    cross join lateral (
        select n.user_id, n.id from tenant.notifications n
        where n.tenant_id = $1 and n.user_id = m.user_id
          and n.id < registry.first_id_at(now() - make_interval(days => $2))
        order by n.id limit 1000) o
    limit 1000)
delete from tenant.notifications n
using over where n.tenant_id = $1 and n.user_id = over.user_id and n.id = over.id
returning n.id
