//! A line on the terminal while a slow step runs; nothing where it is quick or nobody watches.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::terminal;
use crate::report::Untrusted;

/// Steps that take less than this say nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// Shows what is being done until it is dropped.
pub(crate) struct Progress {
    running: Option<(Sender<String>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins a step.
    pub(crate) fn begin(what: &str) -> Self {
        if !terminal::watched() {
            return Self { running: None };
        }
        let (sender, receiver) = mpsc::channel();
        let what = what.to_owned();
        Self { running: Some((sender, thread::spawn(move || show(what, &receiver)))) }
    }

    /// Says what is being done now.
    pub(crate) fn say(&self, what: &str) {
        if let Some((sender, _)) = &self.running {
            let _ = sender.send(what.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.running.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

/// Keeps one line up to date until the other side is gone, then clears it.
fn show(mut what: String, news: &Receiver<String>) {
    let begun = Instant::now();
    loop {
        match news.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
            Ok(newer) => what = newer,
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
    loop {
        let _ = write!(io::stderr(), "\r\u{1b}[K{} …", Untrusted(&what));
        match news.recv() {
            Ok(newer) => what = newer,
            Err(_) => break,
        }
    }
    let _ = write!(io::stderr(), "\r\u{1b}[K");
}
