-- Door: nothing, to a server whose seals are accepted here; RH040 to anybody else. Why a door: the keys are nobody's to
-- read who serves. The server asks before it serves, so that a key that is not known here is no surprise at a sign-in.
create or replace function registry.seal_holds(seal text) returns void
    language plpgsql stable security definer set search_path = ''
as $$
begin
    perform registry.sealed('seal_holds', array['']::text[], seal);
end
$$;
alter function registry.seal_holds(text) owner to rowhouse_doors;
revoke all on function registry.seal_holds(text) from public;
grant execute on function registry.seal_holds(text) to rowhouse_api, rowhouse_gate;
comment on function registry.seal_holds(text) is
    'The keys of seals are nobody''s to read who serves; it says whether a server has one of them.';
