-- How long the list is, as far as $2; all of it where that is null.
select count(*) as counted
from (select from tenant.projects where tenant_id = $1 limit $2) as listed
