//! A line on the terminal while a slow step runs; nothing where it is quick or nobody watches.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::terminal;

/// Steps that take less than this say nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// Shows what is being done until it is dropped.
pub(crate) struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins a step.
    pub(crate) fn begin(what: &'static str) -> Self {
        if !terminal::watched() {
            return Self { running: None };
        }
        let (done, wait) = mpsc::channel();
        let thread = thread::spawn(move || {
            if wait.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let _ = write!(io::stderr(), "{what} …");
            let _ = wait.recv();
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        });
        Self { running: Some((done, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.running.take() {
            drop(done);
            let _ = thread.join();
        }
    }
}
