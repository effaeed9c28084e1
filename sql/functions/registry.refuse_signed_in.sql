-- Not a door: a guard that doors for callers who are not signed in begin with. An expression smuggled into a
-- signed-in statement can use none of them.
create or replace function registry.refuse_signed_in() returns void
    language plpgsql stable set search_path = ''
as $$
begin
    if coalesce(current_setting('app.user_id', true), '') <> ''
       or coalesce(current_setting('app.tenant_id', true), '') <> ''
       or coalesce(current_setting('app.api_key', true), '') <> '' then
        raise exception using errcode = 'RH005', message = 'for callers who are not signed in';
    end if;
end
$$;
alter function registry.refuse_signed_in() owner to rowhouse_owner;
revoke all on function registry.refuse_signed_in() from public;
grant execute on function registry.refuse_signed_in() to rowhouse_identity, rowhouse_tenancy;
