-- Trigger, not a door: writes down what happened to an account in the transaction in which it happened. Its
-- arguments are the kind of event, the name of the user's column, and where there is one that of the session's; otherwise
-- it is the session that asks.
create or replace function registry.note_account_event() returns trigger
    language plpgsql set search_path = ''
as $$
declare
    changed jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
    insert into registry.account_events (user_id, kind, session_id)
    values ((changed ->> tg_argv[1])::uuid, tg_argv[0], coalesce((changed ->> tg_argv[2])::uuid, nullif(current_setting('app.session_id', true), '')::uuid));
    return null;
end
$$;
alter function registry.note_account_event() owner to rowhouse_owner;
revoke all on function registry.note_account_event() from public;
