-- Door: nothing, to a server whose seals are accepted here; RH040 to anybody else. Why a door: the keys are nobody's to
-- read who serves. The server asks before it serves, so that a key that is not known here is no surprise at a sign-in. The one
-- door that spends no seal: it answers nothing, so to ask again is worth nothing.
create or replace function registry.seal_holds(seal text) returns void
    language plpgsql stable security definer set search_path = ''
as $$
begin
    if not registry.seal_is_good('seal_holds', array['']::text[], seal) then
        raise exception using errcode = 'RH040', message = 'not sealed';
    end if;
end
$$;
alter function registry.seal_holds(text) owner to rowhouse_identity;
revoke all on function registry.seal_holds(text) from public;
grant execute on function registry.seal_holds(text) to rowhouse_api, rowhouse_gate;
comment on function registry.seal_holds(text) is
    'The keys of seals are nobody''s to read who serves; it says whether a server has one of them.';
