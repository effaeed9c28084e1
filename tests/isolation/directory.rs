//! Where a tenant ends and the directory (accounts, sessions, tenants, hosts) begins: what ties one to the other
//! in the catalog, and which functions and statements touch both. Each tie is something that could not be kept if the two lived
//! in different databases (docs/adr/0023).
use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use super::names;
use crate::support::{TestDb, statements};

/// Foreign keys between a tenant's rows and the directory, other than to `registry.tenants`, each with its reason.
/// The list may only shrink.
const TIES: &[(&str, &str)] = &[
    // docs/adr/0002: keeps what a membership carries of its account (open or not, address, name) equal to the account.
    ("tenant.memberships.memberships_user_fkey", "registry.users"),
];

/// Foreign keys from schema tenant to something else than a tenant's rows or `registry.tenants`, and from anywhere
/// else to a tenant's rows: as `table.constraint target`.
async fn ties(superuser: &Client) -> Vec<String> {
    let across =
        "select format('%s.%s %s', f.conrelid::regclass, f.conname, f.confrelid::regclass) from pg_constraint f
        join pg_class c on c.oid = f.conrelid join pg_class r on r.oid = f.confrelid
        where f.contype = 'f' and f.confrelid <> 'registry.tenants'::regclass
          and (c.relnamespace = 'tenant'::regnamespace) <> (r.relnamespace = 'tenant'::regnamespace)
        order by 1";
    names(superuser, across).await
}

#[tokio::test]
async fn foreign_keys_tie_a_tenants_rows_to_the_directory_where_the_list_says_and_nowhere_else() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let listed: Vec<String> = TIES.iter().map(|(key, target)| format!("{key} {target}")).collect();
    let found = ties(&superuser).await;
    let new: Vec<&String> = found.iter().filter(|tie| !listed.contains(tie)).collect();
    assert!(
        new.is_empty(),
        "{new:#?} tie a tenant's rows to the directory. Refer to tenant.memberships (tenant_id, user_id) for a person, \
         which carries their name and address, or to registry.tenants; the directory refers to no row of a tenant."
    );
    let gone: Vec<&String> = listed.iter().filter(|tie| !found.contains(tie)).collect();
    assert!(
        gone.is_empty(),
        "{gone:#?} are gone from the database: strike them out of TIES (tests/isolation/directory.rs)"
    );
}

#[tokio::test]
async fn a_foreign_key_across_is_noticed_in_both_directions() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let made = "begin;
        create table tenant.notes (tenant_id uuid references registry.tenants, author uuid constraint to_account references registry.users);
        create table registry.favourites (tenant_id uuid, project_id uuid,
            constraint to_project foreign key (tenant_id, project_id) references tenant.projects (tenant_id, id))";
    superuser.batch_execute(made).await.unwrap();
    let found = ties(&superuser).await;
    superuser.batch_execute("rollback").await.unwrap();
    for tie in ["tenant.notes.to_account registry.users", "registry.favourites.to_project tenant.projects"] {
        assert!(found.iter().any(|name| name == tie), "{tie} is noticed: {found:?}");
    }
    assert_eq!(found.len(), TIES.len() + 2, "references to registry.tenants are none of them: {found:?}");
}

/// Tables of schema `registry` by where they are once there are several databases. Whoever makes one says here which it is.
/// The directory's: who somebody is, and what leads to a tenant.
const DIRECTORY: &[&str] = &[
    "account_events",
    "attempts",
    "devices",
    "hosts",
    "idempotency_keys",
    "letters",
    "mail_tokens",
    "operators",
    "recovery_codes",
    "refresh_tokens",
    "sessions",
    "totp",
    "users",
];
/// A tenant's, as all of schema `tenant` is: they go where it goes.
const TENANTS: &[&str] = &["document_numbers", "domains", "plan_overrides", "tenant_limits", "tenant_usage"];
/// The same in every database; of `tenants`, the tenant's record, there is one in its own and one in the directory.
const EVERYWHERE: &[&str] = &[
    "built_in_roles",
    "job_kinds",
    "number_series",
    "permissions",
    "plan_prices",
    "plans",
    "platform_settings",
    "schedules",
    "seal_keys",
    "sellers",
    "spent_seals",
    "tenants",
];

/// Functions and statements that touch a tenant's rows and the directory in one transaction, themselves or by what they call, each
/// with what becomes of it once the two are apart. What calls one that is listed is not listed for that. The list may only shrink.
const BOTH: &[(&str, &str)] = &[
    ("require", "asks for the session where there is no membership: a cell answers that whoever has no seat is not in"),
    ("seat_sessions", "a message to each cell in which the person is a member"),
    ("seat_members", "the directory answers with the open sessions of whoever joins"),
    ("sign_up", "the account first; its tenant by a step that can be repeated"),
    ("create_tenant", "the same, for whoever has an account"),
    ("accept_invitation_as_new", "the account first; joining, with the invitation, by a step that can be repeated"),
    ("accept_invitation", "who asks is the directory's to say, with address and name; joining is the tenant's"),
    ("find_invitation", "two questions: the invitation, and whether its address has an account"),
    ("choose_tenant", "the tenant says who is a member, the directory notes where the session acts"),
    ("switch_tenant", "the same"),
    ("my_tenants", "the directory keeps who is a member where"),
    ("leave_tenant", "asks for the session, since whoever leaves a suspended tenant is let in by no permission"),
    ("note_domain_check", "the claim is the tenant's; the host it wins is the directory's"),
];

/// Which of the two something touches.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sides {
    tenants: bool,
    directory: bool,
}

impl Sides {
    fn of(schema: &str, table: &str) -> Self {
        Self {
            tenants: schema == "tenant" || TENANTS.contains(&table),
            directory: schema == "registry" && DIRECTORY.contains(&table),
        }
    }

    fn and(self, other: Self) -> Self {
        Self { tenants: self.tenants || other.tenants, directory: self.directory || other.directory }
    }

    fn both(self) -> bool {
        self.tenants && self.directory
    }
}

/// What a text touches and calls.
#[derive(Default)]
struct Touched {
    sides: Sides,
    calls: BTreeSet<String>,
    /// Of a trigger, the tables it is on: what it reads of them is called `changed`, `old` or `new`.
    on: Vec<Sides>,
}

impl Touched {
    /// By the names with a schema that stand in it: `search_path` is empty, so there are no others.
    fn read(text: &str) -> Self {
        let mut touched = Self::default();
        let text = text.replace('(', "( ");
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "_.(".contains(c))) {
            match word.split_once('.') {
                Some(("registry", function))
                    if function.ends_with('(') && !EVERYWHERE.contains(&&function[..function.len() - 1]) =>
                {
                    // `insert into registry.sessions (…` has a space, `registry.sessions(…` is a call.
                    touched.calls.insert(function.trim_end_matches('(').to_owned());
                }
                Some((schema @ ("registry" | "tenant"), table)) => {
                    touched.sides = touched.sides.and(Sides::of(schema, table.trim_end_matches('(')));
                }
                _ => {}
            }
        }
        touched
    }
}

/// Functions and statements that touch both, those aside that are listed or do so only by calling one that is.
async fn touch_both(superuser: &Client, listed: &[&str]) -> Vec<String> {
    let functions = "select p.proname::text, regexp_replace(pg_get_functiondef(p.oid), '--[^\n]*', '', 'g'),
            array(select n.nspname || '.' || c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid
                  join pg_namespace n on n.oid = c.relnamespace where t.tgfoid = p.oid)
        from pg_proc p where p.pronamespace = 'registry'::regnamespace";
    let mut texts: BTreeMap<String, Touched> = BTreeMap::new();
    for row in superuser.query(functions, &[]).await.unwrap() {
        let mut touched = Touched::read(row.get(1));
        let tables: Vec<String> = row.get(2);
        touched.on = tables.iter().map(|table| table.split_once('.').map(|(s, t)| Sides::of(s, t)).unwrap()).collect();
        texts.insert(row.get(0), touched);
    }
    assert!(texts.len() > 80, "{}", texts.len());
    for statement in statements() {
        texts.insert(statement.name.clone(), Touched::read(&statement.code()));
    }
    // What each touches by way of those it calls, until nothing is added any more.
    loop {
        let mut more = Vec::new();
        for (name, touched) in &texts {
            let called = touched.calls.iter().filter(|call| !listed.contains(&call.as_str()));
            let reached = called.filter_map(|call| texts.get(call)).fold(touched.sides, |all, one| all.and(one.sides));
            if reached != touched.sides {
                more.push((name.clone(), reached));
            }
        }
        if more.is_empty() {
            break;
        }
        for (name, reached) in more {
            texts.get_mut(&name).unwrap().sides = reached;
        }
    }
    let both = |touched: &Touched| touched.sides.both() || touched.on.iter().any(|on| on.and(touched.sides).both());
    texts.into_iter().filter(|(_, touched)| both(touched)).map(|(name, _)| name).collect()
}

#[tokio::test]
async fn what_touches_a_tenants_rows_and_the_directory_at_once_is_listed_and_nothing_else() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let tables = "select relname::text from pg_class where relnamespace = 'registry'::regnamespace and relkind in ('r', 'p') order by 1";
    let mut known = [DIRECTORY, TENANTS, EVERYWHERE].concat();
    known.sort_unstable();
    let tables = names(&superuser, tables).await;
    let unknown: Vec<&String> = tables.iter().filter(|table| !known.contains(&table.as_str())).collect();
    assert!(
        unknown.is_empty() && known.len() == tables.len(),
        "{unknown:?} of schema registry: say in tests/isolation/directory.rs whether each is the directory's, goes with a tenant, \
         or is the same everywhere; what is there no more goes ({known:?})"
    );
    let listed: Vec<&str> = BOTH.iter().map(|(name, _)| *name).collect();
    let found = touch_both(&superuser, &listed).await;
    let more: Vec<&String> = found.iter().filter(|name| !listed.contains(&name.as_str())).collect();
    let fewer: Vec<&&str> = listed.iter().filter(|name| !found.contains(&(**name).to_owned())).collect();
    assert!(
        more.is_empty() && fewer.is_empty(),
        "a transaction touches a tenant's rows or the directory, not both: what does could not go on once they are apart.\n\
         New: {more:#?}\nMake two statements of it, of which the second can be repeated, or carry in the tenant's rows what it needs \
         (as tenant.memberships and tenant.seats do).\nNo more: {fewer:#?}\nStrike them out of BOTH (tests/isolation/directory.rs)."
    );
}
