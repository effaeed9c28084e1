-- Door: when what the caller proves comes to its own end in the tenant that is set: their session, or their key, or the secret of it that was replaced.
--   RH006  the session has ended or expired, or is nobody's here
-- Null where it has none, or is no key any more. For whoever follows something and is to be cut off then (docs/live.md).
-- Why a door: seats are nobody's to read, and keys their owners'; what it answers is the caller's own.
create or replace function registry.caller_until() returns timestamptz
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
declare
    seated timestamptz;
begin
    if current_setting('app.user_id') <> '' then
        select s.open_until into seated from tenant.seats s
        where s.tenant_id = current_setting('app.tenant_id')::uuid and s.user_id = current_setting('app.user_id')::uuid
          and s.session_hash = sha256(uuid_send(current_setting('app.session_id')::uuid)) and s.open_until > now();
        if not found then
            raise exception using errcode = 'RH006', message = 'session ended';
        end if;
        return seated;
    end if;
    return (select least(k.expires_at,
                         case when k.secret_hash <> sha256(decode(split_part(current_setting('app.api_key'), '.', 2), 'hex')) then k.previous_until end)
            from registry.presented_key() p
            join tenant.api_keys k on k.tenant_id = current_setting('app.tenant_id')::uuid and k.id = p.id);
end
$$;
alter function registry.caller_until() owner to rowhouse_tenancy;
revoke all on function registry.caller_until() from public;
grant execute on function registry.caller_until() to rowhouse_api;
comment on function registry.caller_until() is
    'Seats are nobody''s to read, and a key''s end is not for whoever presents it to look up among keys; it is answered for the caller alone.';
