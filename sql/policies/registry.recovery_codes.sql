comment on table registry.recovery_codes is 'Stand in for a second factor once each. Only their hashes are here.';
comment on column registry.recovery_codes.code_hash is 'SHA-256 of the code.';
alter table registry.recovery_codes enable row level security;
alter table registry.recovery_codes force row level security;

create policy wall on registry.recovery_codes as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using      (user_id = (select current_setting('app.user_id')::uuid))
    with check (user_id = (select current_setting('app.user_id')::uuid));
comment on policy wall on registry.recovery_codes is
    'Wall: rows of the person who is set and of nobody else; restrictive, so no other policy widens it. Without a person it raises.';

create policy select_own on registry.recovery_codes for select to rowhouse_gate
    using (user_id = (select registry.signed_in()));
comment on policy select_own on registry.recovery_codes is 'A person signed in sees how many they have left.';
create policy insert_own on registry.recovery_codes for insert to rowhouse_gate
    with check (user_id = (select registry.signed_in(within => interval '10 minutes')));
comment on policy insert_own on registry.recovery_codes is 'A person who has given a password lately makes new ones.';
create policy delete_own on registry.recovery_codes for delete to rowhouse_gate
    using (user_id = (select registry.signed_in(within => interval '10 minutes')));
comment on policy delete_own on registry.recovery_codes is 'A person who has given a password lately throws theirs away.';

create policy select_doors on registry.recovery_codes for select to rowhouse_identity
    using (true);
comment on policy select_doors on registry.recovery_codes is 'Signing in looks for the code that was given.';
create policy delete_doors on registry.recovery_codes for delete to rowhouse_identity
    using (true);
comment on policy delete_doors on registry.recovery_codes is 'Signing in takes away the code that was given: each is good once.';

grant select, delete on registry.recovery_codes to rowhouse_gate;
grant insert (user_id, code_hash) on registry.recovery_codes to rowhouse_gate;
grant select (user_id, code_hash), delete on registry.recovery_codes to rowhouse_identity;
