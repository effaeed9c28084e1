-- Door: keeps a letter that is to be sent once this transaction is committed. One that waits and says the same to the same address gives
-- way to it, so that nobody fills a post box faster than it takes letters.
-- Why a door: letters are nobody's to read, and whoever asks for one may be nobody yet. It answers nothing. What it is given it cannot read:
-- what no server of ours has locked is thrown away by whoever is to send it.
--   RH005  in a tenant: what a tenant sends are its own jobs
create or replace function registry.write_letter(new_id uuid, about text, address bytea, same bytea, sealed bytea) returns void
    language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
    perform registry.refuse_in_tenant();
    insert into registry.letters as l (id, about, address, same, sealed)
    values (new_id, write_letter.about, write_letter.address, write_letter.same, write_letter.sealed)
    on conflict (same) where lease is null and dead_at is null
    do update set id = excluded.id, about = excluded.about, sealed = excluded.sealed, due_at = clock_timestamp(), attempts = 0, error = null,
                  created_at = clock_timestamp();
end
$$;
alter function registry.write_letter(uuid, text, bytea, bytea, bytea) owner to rowhouse_identity;
revoke all on function registry.write_letter(uuid, text, bytea, bytea, bytea) from public;
grant execute on function registry.write_letter(uuid, text, bytea, bytea, bytea) to rowhouse_gate;
comment on function registry.write_letter(uuid, text, bytea, bytea, bytea) is
    'Letters are nobody''s to read, and whoever asks for one may be nobody yet; it keeps one and answers nothing.';
