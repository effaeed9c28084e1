-- Trigger, not a door: runs with the caller's rights. A product and the words it is found by are one row, written at
-- once: a committed write is found by the next search. A price that does not say is in the tenant's currency.
create or replace function registry.index_product() returns trigger
    language plpgsql set search_path = ''
as $$
declare
    own record;
begin
    if tg_op = 'UPDATE' then
        new.search := old.search;
        if (new.name, new.description, new.sku, new.tags, new.language)
           is not distinct from (old.name, old.description, old.sku, old.tags, old.language) then
            return new;
        end if;
    end if;
    if row_security_active('tenant.settings'::regclass) then
        own := registry.tenant_defaults();
    else  -- whoever no wall stops writes for any tenant
        select s.language, s.currency into own from tenant.settings s where s.tenant_id = new.tenant_id;
    end if;
    new.language := own.language;
    new.currency := coalesce(new.currency, own.currency);
    new.search := registry.product_document(new.tenant_id, new.language, new.name, new.sku, new.tags, new.description);
    new.name_key := registry.search_fold(new.name);
    return new;
end
$$;
alter function registry.index_product() owner to rowhouse_owner;
revoke all on function registry.index_product() from public;
