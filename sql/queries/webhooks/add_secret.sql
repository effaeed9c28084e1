-- Nothing where there is no such endpoint.
-- $2 endpoint_id uuid = {webhook_endpoints.id}
-- $3 id uuid = {new}
-- $4 sealed bytea = {hash}
-- $5 fingerprint bytea = {hash}
insert into tenant.webhook_secrets (tenant_id, endpoint_id, id, sealed, fingerprint)
select w.tenant_id, w.id, $3, $4, $5
from tenant.webhook_endpoints w
where w.tenant_id = $1 and w.id = $2
returning id
