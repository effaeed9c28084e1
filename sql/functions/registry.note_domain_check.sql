-- Door: what name servers say of a claim of the tenant that is set: the texts at the claim's record. With the claim's own
-- text among them the domain resolves to the tenant; without, to nobody. Where it resolves to another tenant, that one's
-- text is looked for in the same answer: there, it stays (RH016); gone, the domain has changed hands.
-- Why a door: which tenant a domain resolves to is one table for all of them. The seal says that the server has asked name
-- servers; texts that somebody makes up prove nothing.
create or replace function registry.note_domain_check(claim uuid, texts text[], seal text) returns boolean
    language plpgsql security definer set search_path = ''
as $$
declare
    -- A member or a key, or the job that looks once a day.
    mine uuid := case when coalesce(current_setting('app.job_id', true), '') <> '' then registry.require_job('domains:check')
                      else registry.require('domains:write') end;
    wanted registry.domains;
    holder registry.domains;
    seen boolean;
begin
    perform registry.sealed('note_domain_check', array[mine::text, claim::text] || texts, seal);
    select * into wanted from registry.domains d where d.tenant_id = mine and d.id = claim;
    if not found then
        return null;
    end if;
    seen := 'rowhouse-verify=' || wanted.challenge = any (texts);
    if seen then
        select d.* into holder
        from registry.hosts h join registry.domains d on d.tenant_id = h.tenant_id and d.domain = h.domain
        where h.domain = wanted.domain and h.tenant_id <> mine;
        if found and 'rowhouse-verify=' || holder.challenge = any (texts) then
            raise exception using errcode = 'RH016', message = 'resolves to another tenant';
        elsif found then
            delete from registry.hosts h where h.domain = wanted.domain and h.tenant_id = holder.tenant_id;
            update registry.domains d set verified_at = null where d.tenant_id = holder.tenant_id and d.id = holder.id;
        end if;
        insert into registry.hosts (domain, tenant_id) values (wanted.domain, mine) on conflict (domain) do nothing;
        if not exists (select from registry.hosts h where h.domain = wanted.domain and h.tenant_id = mine) then
            raise exception using errcode = 'RH016', message = 'resolves to another tenant';
        end if;
    else
        delete from registry.hosts h where h.domain = wanted.domain and h.tenant_id = mine;
    end if;
    update registry.domains d
    set checked_at = now(), verified_at = case when seen then coalesce(d.verified_at, now()) end
    where d.tenant_id = mine and d.id = claim;
    return seen;
end
$$;
alter function registry.note_domain_check(uuid, text[], text) owner to rowhouse_tenancy;
revoke all on function registry.note_domain_check(uuid, text[], text) from public;
grant execute on function registry.note_domain_check(uuid, text[], text) to rowhouse_api, rowhouse_worker;
comment on function registry.note_domain_check(uuid, text[], text) is
    'Which tenant a domain resolves to is one table for all of them; it writes the caller''s own claim, and a lost one.';
