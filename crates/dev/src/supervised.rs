//! Servers of our own that do not outlive us: a shell holds each, and stops it when the pipe from us ends, for whatever
//! reason.
use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

/// The shell outlives us if it must. `exec 3<&0` keeps the pipe for it while the server reads nothing.
const SUPERVISE: &str = r#"
    exec 3<&0 </dev/null
    "$@" 3<&- &
    server=$!
    [ -z "$PID_FILE" ] || echo "$server" >"$PID_FILE"
    trap '' INT TERM HUP
    cat <&3 >/dev/null
    kill "-$SIGNAL" "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    [ -z "$REMOVE" ] || rm -rf "$REMOVE"
"#;

/// Makes a shell run a program, whose arguments are to be added. It is stopped with `signal`; then `remove` is removed.
pub(crate) fn supervise(
    shell: &mut Command,
    program: &Path,
    signal: &str,
    pid_file: Option<&Path>,
    remove: Option<&Path>,
) {
    let path = |path: Option<&Path>| path.unwrap_or(Path::new("")).to_owned();
    shell.env("SIGNAL", signal).env("PID_FILE", path(pid_file)).env("REMOVE", path(remove));
    // Its own process group: a Ctrl-C in the terminal is for us, and we stop it in order.
    shell.args(["-c", SUPERVISE, "supervisor"]).arg(program).process_group(0).stdin(Stdio::piped());
}
