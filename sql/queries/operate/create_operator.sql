-- As the migrator. An account that is there keeps its password; a new one has none that anybody knows, and a link.
with made as (
    insert into registry.users (id, email, full_name, password_hash, email_verified_at)
    values ($1, $2, $3, $4, now())
    on conflict (email) do nothing
    returning id
), account as (
    select id, true as new from made
    union all
    select id, false from registry.users where email = $2 and active
), link as (
    insert into registry.mail_tokens (token_hash, user_id, purpose, email, expires_at)
    select sha256($5), id, 'reset_password', $2, now() + interval '1 day' from made
), operator as (
    insert into registry.operators (user_id) select id from account
    on conflict (user_id) do nothing
)
select new from account
