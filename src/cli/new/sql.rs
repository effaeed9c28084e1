//! The files under sql/: migration, walls and permissions, queries.
use std::fmt::Write as _;

use super::{
    fields::{Field, Kind, Resource, TEXT},
    tree::Tree,
};

pub(super) fn write(resource: &Resource, version: u32, tree: &mut Tree) {
    tree.create(&format!("sql/migrations/V{version}__{}.sql", resource.name), migration(resource));
    tree.create(&format!("sql/policies/tenant.{}.sql", resource.name), policies(resource));
    for (name, text) in queries(resource) {
        tree.create(&format!("sql/queries/{}/{name}.sql", resource.name), text);
    }
}

fn migration(resource: &Resource) -> String {
    let Resource { name, .. } = resource;
    let mut text = format!(
        "-- {}: walled by sql/policies.\ncreate table tenant.{name} (\n    tenant_id   uuid        not null constraint {name}_tenant_fkey references registry.tenants (id),\n    id          uuid        not null,\n",
        resource.path()
    );
    for field in &resource.fields {
        let Field { name: column, optional, .. } = field;
        let null = if *optional { "" } else { " not null" };
        let check = format!("constraint {name}_{column}_check check");
        let rest = match &field.kind {
            Kind::Line(most) => format!("{null} {check} (char_length({column}) between 1 and {most})"),
            Kind::Text => format!("{null} {check} (char_length({column}) <= {TEXT})"),
            Kind::Email => {
                format!("{null} {check} (char_length({column}) between 3 and 254 and {column} like '_%@_%')")
            }
            Kind::Int => null.to_owned(),
            Kind::Flag => " not null default false".to_owned(),
            Kind::Words(words) => {
                let list: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
                format!(" not null default {} {check} ({column} in ({}))", list[0], list.join(", "))
            }
        };
        let collate = if field.sql_type() == "text" { " collate \"C\"" } else { "" };
        let _ = writeln!(text, "    {column} {}{collate}{rest},", field.sql_type());
    }
    text.push_str("    created_at  timestamptz not null default now(),\n    updated_at  timestamptz not null default now(),\n    version     bigint      not null default 1,\n");
    for field in resource.fields.iter().filter(|field| field.unique) {
        let _ = writeln!(text, "    constraint {name}_{0}_key unique (tenant_id, {0}),", field.name);
    }
    let _ = writeln!(text, "    constraint {name}_pkey primary key (tenant_id, id)\n);");
    if resource.sorted {
        for columns in ["status, id", "name, id", "status, name, id"] {
            let called = columns.replace(", ", "_");
            let _ = writeln!(text, "create index {name}_{called}_idx on tenant.{name} (tenant_id, {columns});");
        }
    }
    for field in resource.fields.iter().filter(|field| field.is_personal()) {
        let _ = writeln!(
            text,
            "-- What the planner knows of a column it tells to whoever asks for a plan, of all tenants.\nalter table tenant.{name} alter column {} set statistics 0;",
            field.name
        );
    }
    let path = resource.path();
    let _ = write!(
        text,
        "\nset local role rowhouse_migrator;\nselect registry.give('{path}:read', 'See {path}', array['owner', 'admin', 'member', 'viewer']);\nselect registry.give('{path}:write', 'Make and change {path}', array['owner', 'admin', 'member']);\nselect registry.give('{path}:delete', 'Delete {path}', array['owner', 'admin']);\n"
    );
    text
}

fn policies(resource: &Resource) -> String {
    let columns: Vec<&str> = resource.fields.iter().map(|field| field.name.as_str()).collect();
    include_str!("policies.sql")
        .replace("@NAME@", &resource.name)
        .replace("@PATH@", &resource.path())
        .replace("@COLUMNS@", &columns.join(", "))
}

fn queries(resource: &Resource) -> Vec<(&'static str, String)> {
    let (name, columns) = (&resource.name, resource.columns());
    let row = format!("-- $2 id uuid = {{{name}.id}}\n");
    let versions = "-- $3 versions bigint[] = null\n";
    let found = "where tenant_id = $1 and id = $2 and ($3::bigint[] is null or version = any ($3))";
    let mut all = vec![
        ("get", format!("{row}select {columns}\nfrom tenant.{name}\nwhere tenant_id = $1 and id = $2\n")),
        ("delete", format!("{row}{versions}delete from tenant.{name}\n{found}\nreturning id\n")),
        ("insert", insert(resource)),
        ("update", update(resource, &format!("{row}{versions}"), found)),
        ("list_newest", list(resource, "Newest first, off the primary key.", None, "newest")),
    ];
    if resource.sorted {
        let status = Some("status");
        all.push((
            "list_newest_by_status",
            list(resource, "Newest first within one status, off (tenant_id, status, id).", status, "newest"),
        ));
        all.push((
            "list_name",
            list(resource, "By name, off (tenant_id, name, id). Names repeat, so the id decides.", None, "name"),
        ));
        all.push((
            "list_name_by_status",
            list(resource, "By name within one status, off (tenant_id, status, name, id).", status, "name"),
        ));
        all.push(("count", format!("-- How long the list is, as far as $2; all of it where that is null.\n-- $2 most bigint = {{page}}\nselect count(*) as counted\nfrom (select from tenant.{name} where tenant_id = $1 limit $2) as listed\n")));
        all.push(("count_by_status", format!("-- How long the list of one status is, as far as $3; see count.\n-- $2 status text = {}\n-- $3 most bigint = {{page}}\nselect count(*) as counted\nfrom (select from tenant.{name} where tenant_id = $1 and status = $2 limit $3) as listed\n", first_word(resource))));
    }
    all
}

/// The status that rows have where none is given.
fn first_word(resource: &Resource) -> String {
    resource
        .fields
        .iter()
        .find_map(|field| match &field.kind {
            Kind::Words(words) if field.name == "status" => Some(format!("'{}'", words[0])),
            _ => None,
        })
        .unwrap_or_default()
}

fn insert(resource: &Resource) -> String {
    let mut head = "-- $2 id uuid = {new}\n".to_owned();
    let (mut names, mut places) = (vec!["tenant_id", "id"], vec!["$1".to_owned(), "$2".to_owned()]);
    for (number, field) in (3..).zip(&resource.fields) {
        let sample = if field.optional { "null".to_owned() } else { field.sample() };
        let _ = writeln!(head, "-- ${number} {} {} = {sample}", field.name, field.sql_type());
        names.push(&field.name);
        places.push(format!("${number}"));
    }
    let (name, columns) = (&resource.name, resource.columns());
    format!(
        "{head}insert into tenant.{name} ({})\nvalues ({})\nreturning {columns}\n",
        names.join(", "),
        places.join(", ")
    )
}

fn update(resource: &Resource, head: &str, found: &str) -> String {
    let mut head = format!(
        "-- $3: the versions the caller accepts, null for any. Null leaves a field as it is; those that can be cleared have a flag\n-- beside their value.\n{head}"
    );
    let (mut sets, mut number) = (Vec::new(), 4);
    for field in &resource.fields {
        let (column, kind, sample) = (&field.name, field.sql_type(), field.sample());
        if field.optional {
            let _ = writeln!(
                head,
                "-- ${number} sets_{column} boolean = true\n-- ${} {column} {kind} = {sample}",
                number + 1
            );
            sets.push(format!("{column} = case when ${number} then ${} else {column} end", number + 1));
            number += 2;
        } else {
            let _ = writeln!(head, "-- ${number} {column} {kind} = {sample}");
            sets.push(format!("{column} = coalesce(${number}, {column})"));
            number += 1;
        }
    }
    format!(
        "{head}update tenant.{}\nset {}\n{found}\nreturning {}\n",
        resource.name,
        sets.join(",\n    "),
        resource.columns()
    )
}

/// A page of a list: after its keys, as many rows as asked for, or fewer where they are long.
fn list(resource: &Resource, what: &str, filter: Option<&str>, order: &str) -> String {
    let (name, columns) = (&resource.name, resource.columns());
    let mut head = format!("-- {what}\n");
    let mut number = 2;
    let mut bind = |line: &dyn Fn(usize) -> String| {
        let _ = writeln!(head, "{}", line(number));
        number += 1;
        number - 1
    };
    let mut narrowed = String::new();
    if filter.is_some() {
        let at = bind(&|n| format!("-- ${n} status text = {}", first_word(resource)));
        narrowed = format!(" and status = ${at}");
    }
    let (after, sort) = if order == "name" {
        let at = bind(&|n| format!("-- ${n} after text = '5' or ''"));
        let id = bind(&|n| format!("-- ${n} after_id uuid = {{middle}} or {{nil}}"));
        (format!("(name, id) > (${at}, ${id})"), "name, id")
    } else {
        let at = bind(&|n| format!("-- ${n} before uuid = {{middle}} or {{max}}"));
        (format!("id < ${at}"), "id desc")
    };
    let rows = bind(&|n| format!("-- ${n} rows bigint = {{page}}"));
    let page = format!(
        "select {columns}\nfrom tenant.{name}\nwhere tenant_id = $1{narrowed} and {after}\norder by {sort}\nlimit ${rows}"
    );
    let long: Vec<String> =
        resource.long().iter().map(|field| format!("coalesce(octet_length({}), 0)", field.name)).collect();
    if long.is_empty() {
        return format!("{head}{page}\n");
    }
    let bytes = bind(&|n| format!("-- ${n} bytes bigint = {{bytes}}"));
    let page = page.replace('\n', "\n        ");
    format!(
        "{head}-- The page ends early where so many bytes of texts stand before a row.\nselect {columns}\nfrom (\n    select *, sum({}) over (order by {sort} rows between unbounded preceding and 1 preceding) as before\n    from (\n        {page}\n    ) page\n) page\nwhere coalesce(before, 0) < ${bytes}\norder by {sort}\n",
        long.join(" + ")
    )
}
