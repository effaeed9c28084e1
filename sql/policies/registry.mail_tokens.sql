-- registry.mail_tokens: nobody who serves reads or writes them; doors keep and use them.
alter table registry.mail_tokens enable row level security;
alter table registry.mail_tokens force row level security;

create policy wall on registry.mail_tokens as restrictive
    to rowhouse_api, rowhouse_gate, rowhouse_worker, rowhouse_owner
    using (false) with check (false);

create policy keep on registry.mail_tokens to rowhouse_identity
    using (true) with check (true);

grant select, delete on registry.mail_tokens to rowhouse_identity;
grant insert (token_hash, user_id, purpose, email, expires_at) on registry.mail_tokens to rowhouse_identity;
