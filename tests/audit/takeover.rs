//! Doors, stored hashes and statistics of somebody else's database: what opens is found by trying, and what does not holds.
use super::{made_of, report};

/// Pairs of a fault and the same without it.
const DOORS: &str = "
    create schema club;
    do $$ begin create role club_app login; exception when duplicate_object then null; end $$;
    do $$ begin create role club_doors; exception when duplicate_object then null; end $$;
    grant usage on schema club to club_app, club_doors;
    create table club.people (tenant_id uuid not null, id uuid not null, email text not null, phone text not null,
        active boolean not null, primary key (tenant_id, id), unique (tenant_id, email));
    -- Of one column statistics are collected and of the other not.
    alter table club.people alter column phone set statistics 0;
    create table club.loose_links (tenant_id uuid not null, loose_hash bytea not null, person uuid not null,
        primary key (tenant_id, loose_hash), foreign key (tenant_id, person) references club.people (tenant_id, id));
    create table club.tight_links (tenant_id uuid not null, tight_hash bytea not null, person uuid not null,
        primary key (tenant_id, tight_hash), foreign key (tenant_id, person) references club.people (tenant_id, id));
    create table club.sessions (tenant_id uuid not null, id uuid not null default gen_random_uuid(), person uuid not null,
        primary key (tenant_id, id), foreign key (tenant_id, person) references club.people (tenant_id, id));
    do $$ declare made regclass; begin
        foreach made in array array['club.people', 'club.loose_links', 'club.tight_links', 'club.sessions']::regclass[] loop
            execute format('alter table %s enable row level security, force row level security', made);
            execute format('create policy wall on %s to club_app using (tenant_id = current_setting(''app.tenant_id'')::uuid)', made);
            execute format('create policy doors on %s to club_doors using (true)', made);
            execute format('grant select, insert, update on %s to club_doors', made);
        end loop;
    end $$;
    grant select on club.people to club_app;
    grant select (tenant_id, person) on club.loose_links, club.tight_links, club.sessions to club_app;

    create function club.refuse(seal text) returns void language plpgsql set search_path = '' as $$
    begin
        raise exception using errcode = 'CL001', message = 'not sealed';
    end $$;
    revoke all on function club.refuse(text) from public;
    -- One asks for a seal and does not look at it, one does.
    create function club.note(remark text, seal text) returns boolean language sql security definer set search_path = '' as 'select true';
    create function club.note_well(remark text, seal text) returns boolean language plpgsql security definer set search_path = '' as $$
    begin
        perform club.refuse(seal);
        return true;
    end $$;
    -- One lets in by the hash as it is stored, one by what it was made of.
    create function club.enter(link_hash bytea) returns boolean language plpgsql security definer set search_path = '' as $$
    begin
        insert into club.sessions (tenant_id, person) select l.tenant_id, l.person from club.loose_links l where l.loose_hash = link_hash;
        return found;
    end $$;
    create function club.enter_well(link_hash bytea) returns boolean language plpgsql security definer set search_path = '' as $$
    begin
        insert into club.sessions (tenant_id, person) select l.tenant_id, l.person from club.tight_links l where l.tight_hash = sha256(link_hash);
        return found;
    end $$;
    -- One lets in whoever names a person, one answers nobody.
    create function club.become(person uuid) returns uuid language plpgsql security definer set search_path = '' as $$
    declare made uuid := gen_random_uuid();
    begin
        insert into club.sessions (tenant_id, id, person) select p.tenant_id, made, p.id from club.people p where p.id = become.person;
        return made;
    end $$;
    create function club.become_well(person uuid) returns uuid language plpgsql security definer set search_path = '' as $$
    begin
        raise exception using errcode = 'CL002', message = 'by invitation';
    end $$;
    -- What makes no sense to a door tells nothing about it.
    create function club.never(day text) returns date language plpgsql security definer set search_path = '' as 'begin return day::date; end';
    do $$ declare door regprocedure; begin
        for door in select oid from pg_proc where pronamespace = 'club'::regnamespace and prosecdef loop
            execute format('alter function %s owner to club_doors', door);
            execute format('revoke all on function %s from public', door);
            execute format('grant execute on function %s to club_app', door);
        end loop;
    end $$;
    grant execute on function club.refuse(text) to club_doors;";

#[tokio::test]
async fn a_door_that_opens_a_hash_that_is_stored_and_statistics_that_tell_are_found_and_their_neighbours_hold() {
    let db = made_of(DOORS).await;
    let (_, report) = report("attack", &db.url("postgres"), &["--role", "club_app"]).await;
    let verdicts: Vec<(String, &str)> = report["attacks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attack| {
            let text = |name: &str| attack[name].as_str().unwrap();
            (format!("{} {}", text("attack"), text("object")), text("verdict"))
        })
        .collect();
    for (attack, verdict) in [
        ("takeover-by-door club.note(remark text, seal text)", "breached"),
        ("takeover-by-door club.note_well(remark text, seal text)", "held"),
        ("takeover-by-door club.become(person uuid)", "breached"),
        ("takeover-by-door club.become_well(person uuid)", "held"),
        ("takeover-by-door club.enter(link_hash bytea)", "held"),
        ("takeover-by-door club.never(day text)", "inconclusive"),
        ("pass-the-hash club.loose_links.loose_hash", "breached"),
        ("pass-the-hash club.tight_links.tight_hash", "held"),
        ("read-statistics club.people.email", "breached"),
        ("read-statistics club.people.phone", "held"),
    ] {
        assert!(verdicts.contains(&(attack.to_owned(), verdict)), "{attack} is not {verdict}: {verdicts:#?}");
    }
}
