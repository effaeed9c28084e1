-- As the migrator. Memberships carry the flag, so every tenant is closed to the account at once.
with account as (
    update registry.users set active = false where email = $1 returning id
), ended as (
    delete from registry.sessions s using account where s.user_id = account.id returning s.id
)
select (select count(*) from ended) as sessions from account
