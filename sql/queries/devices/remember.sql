-- $3 devices at most: the newest.
-- $1 user uuid
-- $2 token bytea
-- $3 most bigint
with gone as (
    delete from registry.devices d
    where d.user_id = $1
      and d.token_hash in (select o.token_hash from registry.devices o where o.user_id = $1 and o.token_hash <> sha256($2)
                           order by o.created_at desc offset $3::bigint - 1)
)
insert into registry.devices (user_id, token_hash) values ($1, sha256($2)) on conflict do nothing
