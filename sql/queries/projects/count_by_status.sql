-- How long the list of one status is, as far as $3; see count.
-- $2 status text = 'active'
-- $3 most bigint = {page}
select count(*) as counted
from (select from tenant.projects where tenant_id = $1 and status = $2 limit $3) as listed
