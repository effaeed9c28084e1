-- Door: notes that the caller's session is in use, at most once a minute, and puts its idle end off. Why a door:
-- how long a session lives is not the caller's to write.
create or replace function registry.touch_session(idle interval) returns void
    language plpgsql security definer set search_path = ''
as $$
begin
    update registry.sessions s
    set last_used_at = now(), idle_until = least(now() + idle, s.expires_at)
    where s.id = current_setting('app.session_id')::uuid and s.user_id = registry.signed_in()
      and s.last_used_at < now() - interval '1 minute';
end
$$;
alter function registry.touch_session(interval) owner to rowhouse_identity;
revoke all on function registry.touch_session(interval) from public;
grant execute on function registry.touch_session(interval) to rowhouse_gate;
comment on function registry.touch_session(interval) is
    'How long a session lives is not the caller''s to write.';
