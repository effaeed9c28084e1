-- Not a door, nobody may call it but doors: keeps the hash of a link that is about to be sent. One of a kind per
-- person: the newest alone is good.
create or replace function registry.keep_mail_token(
        whose uuid, link_purpose text, sent_to text, link_hash bytea, link_lifetime interval) returns void
    language plpgsql set search_path = ''
as $$
begin
    insert into registry.mail_tokens (token_hash, user_id, purpose, email, expires_at)
    values (link_hash, whose, link_purpose, sent_to, now() + link_lifetime)
    on conflict (user_id, purpose) do update
        set token_hash = excluded.token_hash, email = excluded.email, created_at = now(), expires_at = excluded.expires_at;
end
$$;
alter function registry.keep_mail_token(uuid, text, text, bytea, interval) owner to rowhouse_owner;
revoke all on function registry.keep_mail_token(uuid, text, text, bytea, interval) from public;
grant execute on function registry.keep_mail_token(uuid, text, text, bytea, interval) to rowhouse_doors;
