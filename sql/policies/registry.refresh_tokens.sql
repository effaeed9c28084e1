-- registry.refresh_tokens: nobody who serves reads or writes them; doors rotate them.
alter table registry.refresh_tokens enable row level security;
alter table registry.refresh_tokens force row level security;

create policy wall on registry.refresh_tokens as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);

create policy rotate on registry.refresh_tokens to rowhouse_identity
    using (true) with check (true);

grant select on registry.refresh_tokens to rowhouse_identity;
grant insert (token_hash, user_id, session_id) on registry.refresh_tokens to rowhouse_identity;
grant update (used_at, successor_hash, successor_sealed, repeated_at) on registry.refresh_tokens to rowhouse_identity;
