-- Whoever asks for a link takes nobody's earlier one away, and a client that lost an answer is given it late.

-- The last three links of a kind are good, each once; one use ends all (registry.keep_mail_token, registry.use_mail_token).
alter table registry.mail_tokens drop constraint mail_tokens_user_key;
create index mail_tokens_user_idx on registry.mail_tokens (user_id, purpose, created_at);

-- When a token was handed out once more, later than the ten seconds in which that is free: its parent is not honoured
-- again after that, nor is it honoured itself once it was used (registry.rotate_refresh_token).
alter table registry.refresh_tokens add column repeated_at timestamptz;
