//! `rowhouse new resource`: writes the first version of a resource into a checkout, as plain files that one owns from then on.
mod fields;
mod handlers;
mod rust;
mod sql;
mod tree;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use self::fields::Resource;
use crate::error::Failure;

/// What can be begun.
#[derive(Args)]
pub(super) struct New {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Resource(NewResource),
}

/// Write a resource: table, walls, queries, routes and a test.
///
/// Run it in a checkout. Nothing that is there is overwritten; what it writes passes the tests as it is.
#[derive(Args)]
#[command(
    after_help = "Fields are NAME:KIND. Kinds: line(MAX) a single line of up to so many characters; text up to 10,000 characters of several lines; email, which is kept trimmed and in lower case; int; flag; or words with | between them, the first of which is meant where none is given. After the kind ? means that it may be left out, and ! that within a tenant no two are alike.\n\nrowhouse new resource customers 'name:line(200)' 'email:email!' 'notes:text?' 'status:active|archived' --list newest,name --filter status"
)]
pub(super) struct NewResource {
    /// What they are called together, such as `customers`: the table, the path and the permissions.
    name: String,
    /// Fields, as NAME:KIND with ? or ! after it.
    #[arg(required = true, value_name = "NAME:KIND")]
    fields: Vec<String>,
    /// What one is called; without, the name without its s.
    #[arg(long, value_name = "NAME")]
    one: Option<String>,
    /// In which orders they are listed: `newest`, or `newest,name` together with `--filter status`; there is a field `name:line(MAX)` then.
    #[arg(long, value_delimiter = ',', default_value = "newest", value_name = "ORDER")]
    list: Vec<String>,
    /// By which field a list can be narrowed: `status`, which is a field of words.
    #[arg(long, value_name = "FIELD")]
    filter: Option<String>,
    /// The checkout.
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
}

impl New {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let What::Resource(new) = &self.what;
        let resource = Resource::read(&new.name, new.one.as_deref(), &new.fields, &new.list, new.filter.as_deref())?;
        let mut tree = tree::Tree::at(&new.dir)?;
        let version = tree.next_migration()?;
        sql::write(&resource, version, &mut tree);
        rust::write(&resource, &mut tree)?;
        let [made, changed] = tree.finish()?;
        for (done, path) in made.iter().map(|path| ("wrote", path)).chain(changed.iter().map(|path| ("changed", path)))
        {
            println!("{done:<8} {path}");
        }
        println!(
            "\nnext:\n  cargo fmt\n  cargo run -q -- openapi > openapi.json\n  bin/test --resource {}\nthen read them, and make them yours; docs/adding-a-resource.md says what else there is",
            resource.name
        );
        Ok(ExitCode::SUCCESS)
    }
}
