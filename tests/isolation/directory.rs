//! Where a tenant ends and the directory (accounts, sessions, tenants, hosts) begins: what ties one to the other
//! in the catalog. Each tie is something that could not be kept if the two lived in different databases.
use tokio_postgres::Client;

use super::names;
use crate::support::TestDb;

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
