//! Shows in the output of `cargo test` which tests it leaves out.

#![cfg(not(feature = "control-plane-tests"))]

#[test]
#[ignore = "needs Go: cargo test --features control-plane-tests (see tests/control-plane/README.md)"]
fn tests_against_a_real_control_plane() {
    panic!("run them with `cargo test --features control-plane-tests`");
}
