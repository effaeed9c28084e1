//! `rowhouse keys rotate`, as an operator or a timer runs it.
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{rowhouse, run};

fn keys(arguments: &[&str], dir: &Path) -> (Option<i32>, String, String) {
    run(rowhouse().arg("keys").args(arguments).arg("--dir").arg(dir))
}

fn pem_files(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
    paths.sort();
    paths
}

#[test]
fn a_rotation_says_what_it_did_and_is_refused_while_a_key_waits() {
    let dir = std::env::temp_dir().join(format!("rowhouse-rotate-{}", std::process::id()));
    let (code, said, why) = keys(&["rotate"], &dir);
    assert!(code == Some(2) && said.is_empty() && why.contains("rowhouse keys generate"), "{said}{why}");

    rowhouse::auth::generate_keys(&dir, 0).unwrap();
    let first = pem_files(&dir).remove(0);
    let secret = fs::read_to_string(dir.join("secret")).unwrap();
    let (code, said, why) = keys(&["rotate"], &dir);
    assert!(code == Some(0) && why.is_empty(), "{said}{why}");
    let files = pem_files(&dir);
    assert_eq!(files.len(), 2);
    let second = &files[1];
    assert_eq!(said, format!("wrote {}: signs in five minutes\n", second.display()));
    assert_eq!(fs::metadata(second).unwrap().permissions().mode() & 0o777, 0o600);

    let (code, said, why) = keys(&["rotate"], &dir);
    assert!(code == Some(2) && said.is_empty() && why.contains("waiting to sign"), "{said}{why}");
    assert!(!why.contains("panicked") && why.trim().lines().count() == 1, "{why}");
    assert_eq!(pem_files(&dir), files);

    // For when a key has leaked nobody waits.
    let (code, said, why) = keys(&["rotate", "--at-once"], &dir);
    assert!(code == Some(0) && said.contains("now") && why.is_empty(), "{said}{why}");
    assert_eq!(pem_files(&dir).len(), 3);
    assert!(first.exists() && !said.contains("removed"));

    // Once both have signed for long, the first key is told to be gone.
    for path in &pem_files(&dir)[1..] {
        fs::remove_file(path).unwrap();
    }
    rowhouse::auth::generate_keys(&dir, 1).unwrap();
    let (code, said, why) = keys(&["rotate"], &dir);
    assert!(code == Some(0) && why.is_empty(), "{said}{why}");
    assert!(said.contains(&format!("removed {}", first.display())) && !first.exists(), "{said}");
    assert_eq!(pem_files(&dir).len(), 2);
    assert_eq!(fs::read_to_string(dir.join("secret")).unwrap(), secret, "the secret stays, whatever key signs");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn help_says_what_a_rotation_does() {
    let (code, help, _) = run(rowhouse().args(["keys", "--help"]));
    assert!(code == Some(0) && help.contains("\n  generate ") && help.contains("\n  rotate "), "{help}");
    let (code, help, _) = run(rowhouse().args(["keys", "rotate", "--help"]));
    assert_eq!(code, Some(0));
    for part in ["--dir <DIR>", "[env: ROWHOUSE_KEYS=]", "--at-once", "five minutes", "removed"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    let (code, _, why) = run(rowhouse().args(["keys", "rotate"]));
    assert!(code == Some(2) && why.contains("--dir"), "{why}");
}
