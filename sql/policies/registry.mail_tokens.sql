comment on table registry.mail_tokens is 'Nobody who serves reads or writes them; doors keep and use them.';
comment on column registry.mail_tokens.token_hash is 'SHA-256 of what stands in the letter.';
alter table registry.mail_tokens enable row level security;
alter table registry.mail_tokens force row level security;

create policy wall on registry.mail_tokens as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);
comment on policy wall on registry.mail_tokens is 'Wall: nobody who serves or operates tenants reaches a row.';

create policy all_doors on registry.mail_tokens to rowhouse_identity
    using (true) with check (true);
comment on policy all_doors on registry.mail_tokens is 'Doors on accounts keep and use them; nobody who serves reaches one.';

grant select, delete, update (used_at) on registry.mail_tokens to rowhouse_identity;
grant insert (token_hash, user_id, purpose, email, expires_at) on registry.mail_tokens to rowhouse_identity;
