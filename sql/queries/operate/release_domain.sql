-- As the migrator. The claim stays, to be proven again.
with released as (
    delete from registry.hosts where domain = $1 returning tenant_id, domain
)
update registry.domains d set verified_at = null, checked_at = now()
from released r where d.tenant_id = r.tenant_id and d.domain = r.domain
returning d.id
