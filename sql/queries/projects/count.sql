-- How long the list is, as far as $2; all of it where that is null.
-- $2 most bigint = {page}
select count(*) as counted
from (select from tenant.projects where tenant_id = $1 limit $2) as listed
