-- Not a door, nobody may call it but doors: keeps the hash of a link that is about to be sent. The last three of a kind
-- are good, so that whoever asks for links to somebody else's account does not spoil the one its owner is about to open;
-- those to another address than the newest are not, or a mistyped one could still become the account's.
create or replace function registry.keep_mail_token(
        whose uuid, link_purpose text, sent_to text, link_hash bytea, link_lifetime interval) returns void
    language plpgsql set search_path = ''
as $$
begin
    insert into registry.mail_tokens (token_hash, user_id, purpose, email, expires_at)
    values (sha256(link_hash), whose, link_purpose, sent_to, now() + link_lifetime)
    on conflict (token_hash) do nothing;  -- A letter that is tried once more; its link may have been used.
    delete from registry.mail_tokens m
    where m.user_id = whose and m.purpose = link_purpose and m.used_at is null
      and (m.email <> sent_to
           or m.token_hash not in (select n.token_hash from registry.mail_tokens n
                                   where n.user_id = whose and n.purpose = link_purpose and n.used_at is null
                                   order by n.created_at desc, n.token_hash = sha256(link_hash) desc limit 3));
end
$$;
alter function registry.keep_mail_token(uuid, text, text, bytea, interval) owner to rowhouse_owner;
revoke all on function registry.keep_mail_token(uuid, text, text, bytea, interval) from public;
grant execute on function registry.keep_mail_token(uuid, text, text, bytea, interval) to rowhouse_identity;
