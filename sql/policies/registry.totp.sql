comment on table registry.totp is 'A person''s second factor. Adding, confirming and removing it asks for a password given lately.';
comment on column registry.totp.secret_sealed is 'The secret, sealed with the servers key: not readable here.';
alter table registry.totp enable row level security;
alter table registry.totp force row level security;

create policy wall on registry.totp as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));
comment on policy wall on registry.totp is
    'Wall: rows of the person who is set and of nobody else; restrictive, so no other policy widens it. Without a person it raises.';

create policy select_own on registry.totp for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy select_own on registry.totp is 'A person signed in sees whether they have a second factor.';
create policy insert_own on registry.totp for insert to rowhouse_gate
    with check (user_id = (select registry.signed_in(within => interval '10 minutes')));
comment on policy insert_own on registry.totp is 'A person who has given a password lately adds one.';
create policy update_own on registry.totp for update to rowhouse_gate
    using      (user_id = (select registry.signed_in(within => interval '10 minutes')))
    with check (user_id = (select registry.signed_in(within => interval '10 minutes')));
comment on policy update_own on registry.totp is 'A person who has given a password lately confirms theirs.';
create policy delete_own on registry.totp for delete to rowhouse_gate
    using (user_id = (select registry.signed_in(within => interval '10 minutes')));
comment on policy delete_own on registry.totp is 'A person who has given a password lately removes theirs; registry.keep_second_factor may refuse.';

create policy select_doors on registry.totp for select to rowhouse_identity
    using (true);
comment on policy select_doors on registry.totp is 'Signing in reads the secret.';
create policy update_doors on registry.totp for update to rowhouse_identity
    using (true) with check (true);
comment on policy update_doors on registry.totp is 'Signing in spends a time step.';

grant select, delete on registry.totp to rowhouse_gate;
grant insert (user_id, secret_sealed) on registry.totp to rowhouse_gate;
grant update (secret_sealed, confirmed_at, last_step, created_at) on registry.totp to rowhouse_gate;
grant select (user_id, secret_sealed, confirmed_at, last_step) on registry.totp to rowhouse_identity;
grant update (last_step) on registry.totp to rowhouse_identity;

-- Triggers that ask hold for whoever stands behind the wall, under whatever role, but for the owner (what cascades) and the doors.
create or replace trigger keep_second_factor before delete on registry.totp
    for each row when (row_security_active('registry.totp'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_identity'))
    execute function registry.keep_second_factor();
create or replace trigger note_added after update of confirmed_at on registry.totp
    for each row when (old.confirmed_at is null and new.confirmed_at is not null)
    execute function registry.note_account_event('second_factor_added', 'user_id');
create or replace trigger note_removed after delete on registry.totp
    for each row when (old.confirmed_at is not null
                       and row_security_active('registry.totp'::regclass) and current_user not in ('rowhouse_owner', 'rowhouse_identity'))
    execute function registry.note_account_event('second_factor_removed', 'user_id');
