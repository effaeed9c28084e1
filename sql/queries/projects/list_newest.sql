-- Newest first, off the primary key. $2 is the id after which the page starts; the first page binds the
-- largest uuid. The predicate stays bare: under RLS only a leakproof operator on a plain parameter may
-- become an index condition.
select id, name, description, status, owner_id, created_at, updated_at, version
from tenant.projects
where tenant_id = $1 and id < $2
order by id desc
limit $3
