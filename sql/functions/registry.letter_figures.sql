-- Door: how many letters wait and are due, since when the first of them was written, and how many were given up; of nobody by name.
-- Why a door: letters are nobody's to read, and whoever watches the platform has to know that some are not sent.
create or replace function registry.letter_figures() returns table (waiting bigint, seconds double precision, dead bigint)
    language plpgsql stable security definer set search_path = ''
as $$
begin
    if current_setting('app.tenant_id') <> '' then
        raise exception using errcode = 'RH005', message = 'for transactions outside any tenant';
    end if;
    return query
        select (select count(*) from registry.letters w where w.dead_at is null),
               (select extract(epoch from now() - min(w.created_at))::double precision from registry.letters w where w.dead_at is null),
               (select count(*) from registry.letters d where d.dead_at is not null);
end
$$;
alter function registry.letter_figures() owner to rowhouse_identity;
revoke all on function registry.letter_figures() from public;
grant execute on function registry.letter_figures() to rowhouse_worker;
comment on function registry.letter_figures() is
    'Whoever watches the platform has to know which letters are not sent; it names nobody.';
