//! What is written down of the files that were applied, and of what each has made.
use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::{Digest, FromRow, steps::Run};
use crate::{error::Failure, sql};

/// What `audit.files` and `audit.made` say.
pub(super) struct Made {
    /// The digest of each file.
    pub(super) files: BTreeMap<String, String>,
    /// The digest of each object, by file.
    pub(super) objects: BTreeMap<String, BTreeMap<String, String>>,
}

impl Made {
    pub(super) fn sha256(&self, path: &str, object: &str) -> Option<&String> {
        self.objects.get(path)?.get(object)
    }

    /// How many objects a file has made.
    pub(super) fn objects_of(&self, path: &str) -> usize {
        self.objects.get(path).map_or(0, BTreeMap::len)
    }
}

impl Run<'_> {
    pub(super) async fn made(&self) -> Result<Made, Failure> {
        struct Object(String, String, String);
        impl FromRow for Object {
            fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
                Ok(Self(row.try_get("path")?, row.try_get("object")?, row.try_get("sha256")?))
            }
        }
        let files: Vec<Digest> = self.admin.all(sql!("db/applied_files"), &[]).await?;
        let mut objects: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for Object(path, object, sha256) in self.admin.all(sql!("db/made"), &[]).await? {
            objects.entry(path).or_default().insert(object, sha256);
        }
        Ok(Made { files: files.into_iter().map(|file| (file.path, file.sha256)).collect(), objects })
    }
}
