-- A query with its tenant's mark before each word (registry.product_document). Folded words hold no quotes.
create or replace function registry.mark_query(tenant uuid, query tsquery) returns tsquery
    language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
    return regexp_replace(query::text, '''([^'']+)''', '''' || registry.tenant_mark(tenant) || '\1''', 'g')::tsquery;
end
$$;
alter function registry.mark_query(uuid, tsquery) owner to rowhouse_owner;
revoke all on function registry.mark_query(uuid, tsquery) from public;
grant execute on function registry.mark_query(uuid, tsquery) to rowhouse_api;
