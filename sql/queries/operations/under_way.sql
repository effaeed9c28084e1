-- One that is running, and has been heard of within a minute.
-- control: none is running in the fixture
select id from tenant.operations
where tenant_id = $1 and status = 'running' and alive_at >= now() - interval '1 minute'
limit 1
