-- Trigger with its owner's rights: writes down what happened to an account in the transaction in which it happened. Its
-- arguments are the kind of event, the name of the user's column, and where there is one that of the session's handle;
-- otherwise it is the session that asks.
-- Why with rights of its own: nobody who serves may write what an account's owner is shown, in their own name either. It is no
-- door, nobody can call it; whose account it is, the row says that changed.
create or replace function registry.note_account_event() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    changed jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
    insert into registry.account_events (user_id, kind, session_id)
    values ((changed ->> tg_argv[1])::uuid, tg_argv[0],
            coalesce((changed ->> tg_argv[2])::uuid,
                     registry.session_handle(nullif(current_setting('app.session_id', true), '')::uuid)));
    return null;
end
$$;
alter function registry.note_account_event() owner to rowhouse_writers;
revoke all on function registry.note_account_event() from public;
comment on function registry.note_account_event() is
    'Nobody who serves may write what an account''s owner is shown; it tells of the account whose row changed.';
