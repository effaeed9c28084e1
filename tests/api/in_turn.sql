-- What tests/api/in_turn.rs needs in the database whose versions it goes through: the files that can be applied at a version are,
-- and of the others is known which. All of it is a superuser's, and gone before anybody looks.
create schema growing;
grant usage on schema growing to rowhouse_migrator, rowhouse_owner;
create table growing.statements (
    number  integer generated always as identity,
    file    text    not null,
    text    text    not null,
    applied boolean not null default false,
    refusal text
);
grant select, insert, update on growing.statements to rowhouse_migrator;

-- Applies what can be applied, as often as it leads anywhere: a policy stands on a function, and that on another.
create function growing.apply() returns void language plpgsql set search_path = '' as $$
declare
    one  record;
    more boolean := true;
begin
    while more loop
        more := false;
        for one in select s.number, s.text from growing.statements s where not s.applied order by s.number loop
            begin
                -- A migration may have made a policy, for those who are served meanwhile.
                if one.text ~ '^\s*create policy ' then
                    execute regexp_replace(one.text, '^\s*create policy (\w+) on (\S+).*', 'drop policy if exists \1 on \2');
                end if;
                execute one.text;
                update growing.statements s set applied = true, refusal = null where s.number = one.number;
                more := true;
            exception when others then
                update growing.statements s set refusal = sqlerrm where s.number = one.number;
            end;
        end loop;
    end loop;
end
$$;

-- A trigger that asks for what this version does not have yet is of a later one: it goes, and is tried again there.
create function growing.later(function text) returns integer language plpgsql set search_path = '' as $$
declare
    one  record;
    gone integer := 0;
begin
    for one in
        select t.tgrelid::regclass::text as relation, t.tgname as name from pg_catalog.pg_trigger t
        where t.tgfoid::regproc::text = function and not t.tgisinternal
    loop
        execute format('drop trigger %I on %s', one.name, one.relation);
        update growing.statements s set applied = false
        where s.file = one.relation and s.text ~ ('trigger ' || one.name || '\s');
        gone := gone + 1;
    end loop;
    return gone;
end
$$;

-- The tables that a version has.
create view growing.tables as
    select c.oid, c.oid::regclass::text as name from pg_class c
    where c.relkind in ('r', 'p') and c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace);
grant select on growing.tables to rowhouse_migrator, rowhouse_owner;

-- With the walls down, the owner sees what a database has that has never served.
create function growing.walls(up boolean) returns void language plpgsql set search_path = '' as $$
declare
    one record;
begin
    for one in select t.name from growing.tables t join pg_catalog.pg_class c on c.oid = t.oid where c.relrowsecurity loop
        execute format('alter table %s %s row level security', one.name, case when up then 'force' else 'no force' end);
    end loop;
end
$$;

-- Per table, how many rows there are and how many of them this transaction has written.
create function growing.rows() returns setof text language plpgsql set search_path = '' as $$
declare
    one   record;
    found text;
begin
    for one in select t.name from growing.tables t order by t.name loop
        execute format('select %L || count(*) || '' rows, '' || count(*) filter (where xmin = pg_current_xact_id()::xid) || '' written'' from %s',
                       one.name || ': ', one.name) into found;
        return next found;
    end loop;
end
$$;
