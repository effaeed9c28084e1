-- Door: what the tenant that is set writes its products in: language and currency.
-- Why a door: whoever writes or searches products need not be let into the settings (settings:read). It tells two words
-- about the caller's own tenant; RH002 and RH007 for whoever is not of it.
create or replace function registry.tenant_defaults(out language text, out currency text)
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    if coalesce(current_setting('app.job_id', true), '') <> '' then
        perform registry.require_job(null);
    elsif registry.caller_permissions() is null then
        raise exception using errcode = case when current_setting('app.user_id') <> '' then 'RH002' else 'RH007' end,
            message = 'not of this tenant';
    end if;
    select s.language, s.currency into language, currency
    from tenant.settings s where s.tenant_id = current_setting('app.tenant_id')::uuid;
end
$$;
alter function registry.tenant_defaults() owner to rowhouse_tenancy;
revoke all on function registry.tenant_defaults() from public;
grant execute on function registry.tenant_defaults() to rowhouse_api, rowhouse_worker;
comment on function registry.tenant_defaults() is
    'Whoever searches products need not be let into the settings; it tells language and currency of the tenant that is set.';
