-- Not a door: a guard that doors about a person's own account begin with. They are for transactions outside any tenant;
-- an expression smuggled into a tenant's statement can use none of them.
create or replace function registry.refuse_in_tenant() returns void
    language plpgsql stable set search_path = ''
as $$
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
end
$$;
alter function registry.refuse_in_tenant() owner to rowhouse_owner;
revoke all on function registry.refuse_in_tenant() from public;
grant execute on function registry.refuse_in_tenant() to rowhouse_identity, rowhouse_tenancy;
