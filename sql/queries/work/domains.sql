-- Claims that resolve, after $2.
select id, domain, challenge from registry.domains
where tenant_id = $1 and verified_at is not null and id > $2
order by id limit 100
