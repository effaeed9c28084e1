//! Each rule, broken and kept.
use super::{RULES, remarks};

/// Rules and lines of what there is to say about migrations that stand one after the other.
fn said(files: &[&str]) -> Vec<(usize, &'static str)> {
    let names: Vec<String> = (1..=files.len()).map(|number| format!("V{number}__x")).collect();
    let files = names.iter().map(String::as_str).zip(files.iter().copied());
    remarks(files).into_iter().map(|remark| (remark.line, remark.rule)).collect()
}

/// What one statement is blamed for, of a table that is there already.
const BLAMED: &[(&str, &str)] = &[
    ("alter table tenant.t add constraint c check (a > 0)", "constraint-scans"),
    ("alter table tenant.t add check (a > 0)", "constraint-scans"),
    (
        "alter table only tenant.t add constraint f foreign key (tenant_id, a) references tenant.u (tenant_id, id)",
        "constraint-scans",
    ),
    ("alter table tenant.t add column a int check (a > 0)", "constraint-scans"),
    (
        "alter table tenant.t add a uuid default '00000000-0000-0000-0000-000000000000' references tenant.u (id)",
        "constraint-scans",
    ),
    ("alter table tenant.t add constraint c check (a > 0) not valid, validate constraint c", "validated-at-once"),
    ("create index t_a_idx on tenant.t (tenant_id, a)", "index-locks"),
    ("create unique index if not exists t_a_idx on only tenant.t (tenant_id, a)", "index-locks"),
    ("create index concurrently t_a_idx on tenant.t (tenant_id, a)", "index-locks"),
    ("alter table tenant.t add constraint k unique (tenant_id, a)", "index-locks"),
    ("alter table tenant.t add primary key (tenant_id, a)", "index-locks"),
    ("alter table tenant.t add column a int unique", "index-locks"),
    ("alter table tenant.t alter column a set not null", "not-null-scans"),
    ("alter table tenant.t alter a set not null", "not-null-scans"),
    ("alter table tenant.t add column a int not null", "not-null-without-default"),
    ("alter table tenant.t alter column a type bigint", "rewrites"),
    ("alter table tenant.t alter a set data type bigint using a::bigint", "rewrites"),
    ("alter table tenant.t add column a uuid default gen_random_uuid()", "rewrites"),
    ("alter table tenant.t add column a uuid not null default registry.new_id()", "rewrites"),
    ("alter table tenant.t add column a int generated always as (b * 2) stored", "rewrites"),
    ("alter table tenant.t add column a bigserial", "rewrites"),
    ("alter table tenant.t add column a int generated always as identity", "rewrites"),
    ("alter table tenant.t set unlogged", "rewrites"),
    ("alter table tenant.t drop column a", "taken-away"),
    ("alter table tenant.t drop if exists a", "taken-away"),
    ("alter table tenant.t rename column a to b", "taken-away"),
    ("alter table tenant.t rename to u", "taken-away"),
    ("drop table tenant.t", "taken-away"),
    ("update tenant.t set a = 1", "behind-the-wall"),
    ("insert into tenant.t (tenant_id) values (null)", "behind-the-wall"),
    ("with gone as (delete from tenant.t returning 1) select 1", "behind-the-wall"),
    ("insert into audit.copy select t.a from audit.u join tenant.t on true", "behind-the-wall"),
    ("create table audit.copy as select a from tenant.t", "behind-the-wall"),
    ("do $$ begin perform 1; update tenant.t set a = 1; end $$", "behind-the-wall"),
    ("merge into tenant.t using audit.u on true when matched then delete", "behind-the-wall"),
];

/// What is blamed for nothing.
const PRAISED: &[&str] = &[
    "alter table tenant.t add constraint c check (a > 0) not valid",
    "alter table tenant.t add constraint f foreign key (tenant_id, a) references tenant.u (tenant_id, id) not valid",
    "alter table tenant.t add column a uuid constraint f references tenant.u (id)",
    "alter table tenant.t add constraint k unique using index t_a_key",
    "alter table tenant.t validate constraint c",
    "alter table tenant.t add column a varchar(20) not null default 'x'::varchar(20), add column b timestamptz default now()",
    "alter table tenant.t alter column a set default gen_random_uuid(), alter column a set statistics 0, alter a drop not null",
    "alter table tenant.t drop constraint c; alter table tenant.t rename constraint c to d",
    "alter table tenant.t disable trigger user",
    "create table tenant.t (a int not null check (a > 0)); create index t_a_idx on tenant.t (a); insert into tenant.t values (1);
     alter table tenant.t add constraint c check (a > 1), alter a set not null, alter a type bigint, drop column a; drop table tenant.t",
    "set local role rowhouse_migrator; update tenant.t set a = 1 from registry.users where a is distinct from registry.zero(); set local role rowhouse_owner",
    "set local role rowhouse_migrator; select registry.give('things:read', 'See things', array['owner'])",
    "-- lint: taken-away: nothing has read it since V3\nalter table tenant.t drop column a",
    "create function registry.f() returns void language sql as $$ update tenant.t set a = 1 $$",
    "insert into audit.made values ('from tenant.t', 'x', 'update tenant.t')",
];

#[test]
fn what_would_be_noticed_is_blamed_and_nothing_else() {
    for (statement, rule) in BLAMED {
        assert_eq!(said(&[statement]), [(1, *rule)], "{statement}");
    }
    for praised in PRAISED {
        assert_eq!(said(&[praised]), [], "{praised}");
    }
    for (rule, ..) in RULES {
        let elsewhere = ["filled-under-lock", "permission-by-hand"];
        assert!(include_str!("../../../../docs/adding-a-resource.md").contains(&format!("| `{rule}` |")), "{rule}");
        assert!(
            elsewhere.contains(&rule) || BLAMED.iter().any(|(_, blamed)| *blamed == rule),
            "{rule} is never broken"
        );
    }
}

#[test]
fn what_takes_three_migrations_is_praised_in_three() {
    let check = "alter table tenant.t add constraint t_a_given check (a is not null) not valid";
    let validate = "alter table tenant.t validate constraint t_a_given";
    let set = "alter table tenant.t alter column a set not null";
    assert_eq!(said(&[check, validate, set]), []);
    assert_eq!(said(&[check, set]), [(1, "not-null-scans")]);
    assert_eq!(said(&[check, validate, "alter table tenant.u alter column a set not null"]), [(1, "not-null-scans")]);
    assert_eq!(said(&[&format!("{check};\n{validate}")]), [(2, "validated-at-once")]);
}

#[test]
fn rows_are_filled_by_another_migration_than_the_one_that_alters() {
    let add = "alter table tenant.t add column a int";
    let fill = "set local role rowhouse_migrator;\nupdate tenant.t set a = 1";
    assert_eq!(said(&[add, fill]), []);
    assert_eq!(said(&[&format!("{add};\n{fill}")]), [(3, "filled-under-lock")]);
    for locks in [
        "create policy p on tenant.t using (true)",
        "create or replace trigger t before update on tenant.t for each row execute function f()",
    ] {
        assert_eq!(said(&[&format!("{locks};\n{fill}")]), [(3, "filled-under-lock")], "{locks}");
        let own = "create table tenant.u (a int); create policy p on tenant.u using (true)";
        assert_eq!(said(&[&format!("{own};\nset local role rowhouse_migrator;\ninsert into tenant.u values (1)")]), []);
    }
}

#[test]
fn permissions_are_given_and_not_written() {
    let by_hand = "set local role rowhouse_migrator;
        insert into registry.permissions (name, description) values ('things:read', 'See things');
        select 1 from registry.built_in_roles;
        update registry.built_in_roles set permissions = '{}'";
    assert_eq!(said(&[by_hand]), [(2, "permission-by-hand"), (4, "permission-by-hand")]);
}

#[test]
fn a_reason_is_for_its_rule_and_has_to_be_one() {
    let drop = "alter table tenant.t drop column a";
    assert_eq!(said(&[&format!("-- lint: taken-away:\n{drop}")]), [(2, "taken-away")]);
    assert_eq!(said(&[&format!("-- lint: rewrites: small\n{drop}")]), [(2, "taken-away")]);
    assert_eq!(said(&[&format!("-- lint: taken-away: gone\n{drop};\n{drop}")]), [(3, "taken-away")]);
}

#[test]
fn a_remark_says_where_and_what_instead() {
    let found = remarks(std::iter::once(("V7__x", "\ncreate index t_a_idx on tenant.t (a)")));
    let said = found[0].to_string();
    assert!(said.starts_with("sql/migrations/V7__x.sql:2: index-locks: making t_a_idx on tenant.t"), "{said}");
    assert!(said.contains("sql/indexes/"), "{said}");
}
