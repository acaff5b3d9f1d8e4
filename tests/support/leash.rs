//! Programs that don't end by themselves when a test is killed.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses another part")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "support for tests")]

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends the program behind it when its own stdin closes.
const SCRIPT: &str = r#""$@" </dev/null & child=$!; cat >/dev/null; kill $child 2>/dev/null; wait $child"#;

/// A program that runs until this is dropped or the test process is gone.
pub struct Leash {
    child: Child,
}

impl Leash {
    /// Starts a program; what it writes goes to `log`.
    pub fn start(program: &Path, words: &[String], environment: &[(&str, &str)], log: &Path) -> Self {
        let log = File::create(log).unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", SCRIPT, "leash"]).arg(program).args(words).envs(environment.iter().copied());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Self { child }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
