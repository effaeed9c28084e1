//! The tables under attack as the catalog describes them: columns, keys, and what the role may do.
use std::collections::{BTreeMap, BTreeSet};

use rowhouse_pg::{AdminConn, Answer, Failure, identifier, set_local};

/// A table with a tenant column, or one that such a table's foreign keys lead to.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) id: String,
    /// Quoted where it must be, for statements.
    pub(super) name: String,
    /// Not quoted, for the configuration file.
    pub(super) plain: String,
    /// The tenant column; none for tables that tenants share.
    pub(super) tenant: Option<String>,
    /// Filled through its parent.
    pub(super) partition: bool,
    pub(super) deferred_trigger: bool,
    pub(super) may_delete: bool,
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<Key>,
}

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are facts of the catalog, not states")]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) base: String,
    pub(super) category: String,
    pub(super) length: Option<usize>,
    pub(super) labels: Vec<String>,
    pub(super) checks: String,
    pub(super) required: bool,
    pub(super) has_default: bool,
    pub(super) generated: bool,
    pub(super) may_select: bool,
    pub(super) may_insert: bool,
    pub(super) may_update: bool,
}

/// A primary, unique, exclusion or foreign key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    /// `p`, `u`, `x` or `f`.
    pub(super) kind: String,
    pub(super) columns: Vec<String>,
    pub(super) target: Option<String>,
    pub(super) target_columns: Vec<String>,
    /// `c` cascade, `n` set null, `d` set default.
    pub(super) on_delete: String,
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(super) fn tenant_is(&self, may: impl Fn(&Column) -> bool) -> bool {
        self.tenant.as_deref().and_then(|tenant| self.column(tenant)).is_some_and(may)
    }

    pub(super) fn foreign_keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.kind == "f")
    }

    /// Whether the role could make PostgreSQL refuse a second row like another: some unique key, all of whose
    /// columns it may fill.
    pub(super) fn has_unique_key(&self) -> bool {
        let fills = |name: &String| self.column(name).is_some_and(|column| column.may_insert && !column.generated);
        let more = |key: &Key| key.columns.iter().any(|column| Some(column) != self.tenant.as_ref());
        self.keys.iter().any(|key| key.kind != "f" && more(key) && key.columns.iter().all(fills))
    }

    /// The columns that tell one row from another.
    pub(super) fn identity(&self) -> Vec<String> {
        let best =
            self.keys.iter().find(|key| key.kind == "p").or_else(|| self.keys.iter().find(|key| key.kind == "u"));
        best.map(|key| key.columns.clone()).unwrap_or_default()
    }

    /// A column the role may change without touching a key, or any it may change.
    pub(super) fn changeable(&self) -> Option<&Column> {
        let keyed: BTreeSet<&String> = self.keys.iter().flat_map(|key| &key.columns).collect();
        let tenant = self.tenant.as_deref();
        let may = |column: &&Column| column.may_update && !column.generated && Some(column.name.as_str()) != tenant;
        let free = self.columns.iter().filter(may).find(|column| !keyed.contains(&column.name));
        free.or_else(|| self.columns.iter().filter(may).find(|column| !self.is_unique(column)))
            .or_else(|| self.columns.iter().find(may))
    }

    /// Whether two rows may not hold the same in this column, all else being equal.
    pub(super) fn is_unique(&self, column: &Column) -> bool {
        self.keys.iter().any(|key| key.kind != "f" && key.columns.contains(&column.name))
    }
}

/// Reads the model for one role, inside the transaction the caller has opened and announced its scope in. `more` are
/// tables to be filled besides, by name.
pub(super) async fn read(session: &AdminConn, role: &str, more: &[String]) -> Result<Vec<Table>, Failure> {
    session.run(&set_local("audit.more", &more.join(","))).await?;
    let tables = session.run(include_str!("../../sql/attack/tables.sql")).await?;
    let ids: Vec<&str> = tables.first_column().collect();
    session.run(&format!("{}; {}", set_local("audit.modelled", &ids.join(",")), set_local("audit.role", role))).await?;
    let columns = session.run(include_str!("../../sql/attack/columns.sql")).await?;
    let keys = session.run(include_str!("../../sql/attack/keys.sql")).await?;
    let mut all: BTreeMap<String, Table> = BTreeMap::new();
    for row in 0..tables.rows.len() {
        let (text, yes) = fields(&tables, row);
        let table = Table {
            id: text("oid"),
            name: text("name"),
            plain: text("plain"),
            tenant: tables.value(row, "tenant").map(str::to_owned),
            partition: yes("partition"),
            deferred_trigger: yes("deferred_trigger"),
            may_delete: false,
            columns: Vec::new(),
            keys: Vec::new(),
        };
        all.insert(table.id.clone(), table);
    }
    for row in 0..columns.rows.len() {
        let (text, yes) = fields(&columns, row);
        let Some(table) = all.get_mut(&text("table_id")) else { continue };
        let look = yes("may_look");
        table.may_delete = look && yes("may_delete");
        table.columns.push(Column {
            name: text("name"),
            kind: text("type"),
            base: text("base"),
            category: text("category"),
            length: columns.value(row, "length").and_then(|length| length.parse().ok()),
            labels: split(&text("labels")),
            checks: format!("{} {}", text("checks"), text("bounds")),
            required: yes("required"),
            has_default: yes("has_default"),
            generated: yes("generated"),
            may_select: look && yes("may_select"),
            may_insert: look && yes("may_insert"),
            may_update: look && yes("may_update"),
        });
    }
    for row in 0..keys.rows.len() {
        let (text, _) = fields(&keys, row);
        let Some(table) = all.get_mut(&text("table_id")) else { continue };
        table.keys.push(Key {
            name: text("name"),
            kind: text("kind"),
            columns: split(&text("columns")),
            target: keys.value(row, "target_id").map(str::to_owned),
            target_columns: split(&text("target_columns")),
            on_delete: text("on_delete"),
        });
    }
    Ok(parents_first(all.into_values().collect()))
}

/// A list whose parts are set apart by a character that no name holds.
pub(super) fn split(list: &str) -> Vec<String> {
    list.split('\u{1f}').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Field access by name: as text, and as a flag.
pub(super) fn fields(answer: &Answer, row: usize) -> (impl Fn(&str) -> String, impl Fn(&str) -> bool) {
    (
        move |name: &str| answer.value(row, name).unwrap_or_default().to_owned(),
        move |name: &str| answer.value(row, name) == Some("t"),
    )
}

/// An order in which each table comes after those it must refer to. Where keys go in a circle, the ones that
/// may be null wait.
fn parents_first(mut tables: Vec<Table>) -> Vec<Table> {
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut ordered = Vec::with_capacity(tables.len());
    let ids: BTreeSet<String> = tables.iter().map(|table| table.id.clone()).collect();
    while !tables.is_empty() {
        let waits = |table: &Table, all: bool| {
            table.foreign_keys().any(|key| {
                let must =
                    all || key.columns.iter().all(|name| table.column(name).is_some_and(|column| column.required));
                let target = key.target.as_deref().unwrap_or_default();
                must && target != table.id && ids.contains(target) && !done.contains(target)
            })
        };
        let next = tables.iter().position(|table| !waits(table, true));
        let next = next.or_else(|| tables.iter().position(|table| !waits(table, false))).unwrap_or(0);
        let table = tables.remove(next);
        done.insert(table.id.clone());
        ordered.push(table);
    }
    ordered
}

/// Column names as a list for a statement.
pub(super) fn list<'a>(columns: impl IntoIterator<Item = &'a String>) -> String {
    columns.into_iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ")
}
