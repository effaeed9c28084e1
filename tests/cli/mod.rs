//! The commands, run as a person or a script runs them.
mod dev;
mod invoices;
mod keys;
mod killed;
mod killed_import;
mod letters;
mod new;
mod operate;
mod plans;
mod serve;
mod why;
mod worker;

pub(crate) use serve::{free_address, serve, wait_until_ready};

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

/// The binary, with nothing of this machine's settings.
pub(crate) fn rowhouse() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowhouse"));
    command.env_clear().envs(
        std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "ROWHOUSE_PG_BIN" | "TMPDIR")),
    );
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end: exit code, standard output, standard error.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

pub(crate) fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// The command lines of processes that speak of this directory.
fn processes_of(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&*dir.to_string_lossy()) {
            found.push(line);
        }
    }
    found
}

/// Waits until nothing runs any more in a directory.
fn wait_until_gone(dir: &Path) {
    for _ in 0..200 {
        if processes_of(dir).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("left behind: {:#?}", processes_of(dir));
}
