-- Door: whose link this is, for whoever holds it: what a new password is measured by, before a slow hash is made for
-- nothing. Why a door: the caller has nothing but the link. A hash that is not stored opens nothing.
create or replace function registry.find_mail_token(link_purpose text, link_hash bytea)
    returns table (email text, full_name text)
    language plpgsql stable parallel safe security definer set search_path = ''
as $$
begin
    perform registry.refuse_signed_in();
    return query
        select u.email, u.full_name
        from registry.mail_tokens m join registry.users u on u.id = m.user_id
        where m.token_hash = sha256(link_hash) and m.purpose = link_purpose and m.expires_at > now() and m.used_at is null
          and u.active;
end
$$;
alter function registry.find_mail_token(text, bytea) owner to rowhouse_identity;
revoke all on function registry.find_mail_token(text, bytea) from public;
grant execute on function registry.find_mail_token(text, bytea) to rowhouse_gate;
comment on function registry.find_mail_token(text, bytea) is
    'The caller has nothing but the link, of which the hash is stored; it was sent to the address that is told.';
