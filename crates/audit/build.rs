//! The lints under sql/ are embedded; a new or changed file there is a reason to build again.
fn main() {
    println!("cargo:rerun-if-changed=sql");
}
