comment on table registry.refresh_tokens is 'Nobody who serves reads or writes them; doors rotate them.';
comment on column registry.refresh_tokens.token_hash is 'SHA-256 of the token.';
comment on column registry.refresh_tokens.successor_hash is 'SHA-256 of the token it was exchanged for.';
comment on column registry.refresh_tokens.successor_sealed is 'That token, sealed with a key made of this one, for a client that lost the answer.';
alter table registry.refresh_tokens enable row level security;
alter table registry.refresh_tokens force row level security;

create policy wall on registry.refresh_tokens as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);
comment on policy wall on registry.refresh_tokens is 'Wall: nobody who serves or operates tenants reaches a row.';

create policy all_doors on registry.refresh_tokens to rowhouse_identity
    using (true) with check (true);
comment on policy all_doors on registry.refresh_tokens is 'Doors on accounts rotate them; nobody who serves reaches one.';

grant select on registry.refresh_tokens to rowhouse_identity;
grant insert (token_hash, user_id, session_id) on registry.refresh_tokens to rowhouse_identity;
grant update (used_at, successor_hash, successor_sealed, repeated_at) on registry.refresh_tokens to rowhouse_identity;
