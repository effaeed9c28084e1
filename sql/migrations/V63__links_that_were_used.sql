-- A link that was used is remembered until it has run out: the letter with it may be tried once more, where the server that took it the first time
-- was not heard to, and would have it good again.
alter table registry.mail_tokens add column used_at timestamptz;
