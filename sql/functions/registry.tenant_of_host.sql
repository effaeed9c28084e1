-- Door: the tenant a host name stands for, by slug (subdomain of the base domain) or by verified domain.
-- Why a door: the tenant is not known yet. It answers an id and nothing else, and an id opens nothing:
-- membership is asked in the transaction that follows. Host names are public by nature. Refuses to work
-- inside a signed-in transaction, like find_login.
create or replace function registry.tenant_of_host(wanted_slug text, wanted_domain text) returns uuid
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    perform registry.refuse_signed_in();
    return coalesce(
        (select t.id from registry.tenants t where t.slug = wanted_slug),
        (select h.tenant_id from registry.hosts h where h.domain = wanted_domain));
end
$$;
alter function registry.tenant_of_host(text, text) owner to rowhouse_tenancy;
revoke all on function registry.tenant_of_host(text, text) from public;
grant execute on function registry.tenant_of_host(text, text) to rowhouse_gate;
comment on function registry.tenant_of_host(text, text) is
    'The tenant is not known yet; the answer is an id, and an id opens nothing.';
