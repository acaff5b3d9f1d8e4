//! Facts from the API server, with GET and LIST only; Secrets are never asked for. Only where the caller asks for it,
//! writes are tried that store nothing.
//!
//! `options` is what the caller chooses, `connect` makes a client from the kubeconfig, `request` is the only place
//! that talks HTTP, `list` reads one kind, `single` one object, `decode` one page, `gather` reads all kinds side by side,
//! `discovery` tells which custom kinds are served, `dry_run` tries writes, and `failure` says in plain words what went wrong. `needs` is the table of the rights that all this takes.

mod connect;
mod decode;
mod discovery;
mod dry_run;
mod failure;
mod gather;
mod kubeconfig;
mod list;
mod options;
mod proxy;
mod raw;
mod request;
mod single;

pub(crate) use dry_run::Patch;
pub use kubeconfig::current_namespace;
pub use options::{DEFAULT_TIMEOUT, Environment, Options, Wanted};

use tokio::runtime::{Handle, Runtime};

use super::SourceError;
use super::dry_run::{Answered, Subject};
use super::raw::{RawFilter, RawObjects};
use crate::snapshot::{Demand, Snapshot};

/// A cluster that is being read, within one deadline over connecting, credential plugins and every request.
pub struct Session {
    /// `None` only while the session ends.
    runtime: Option<Runtime>,
    handle: Handle,
    open: gather::Open,
}

impl Session {
    /// Connects to a cluster.
    ///
    /// # Errors
    /// Where the options or the kubeconfig are wrong.
    pub fn open(options: &Options) -> Result<Self, SourceError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| SourceError::unreadable(format!("cannot start the network runtime: {error}")))?;
        let handle = runtime.handle().clone();
        match runtime.block_on(gather::Open::new(options)) {
            Ok(open) => Ok(Self { runtime: Some(runtime), handle, open }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Reads what is wanted. A kind that cannot be read becomes a gap in the snapshot's coverage. `progress` is told what
    /// was read so far.
    ///
    /// # Errors
    /// Where what is wanted makes no sense, and where nothing at all could be read.
    pub fn read(&self, wanted: &Wanted, progress: &dyn Fn(&str)) -> Result<Snapshot, SourceError> {
        wanted.check()?;
        self.handle.block_on(gather::gather(&self.open, wanted, progress))
    }

    /// Reads the objects that `filter` asks for as the server has them.
    pub(crate) fn raw(&self, filter: &RawFilter) -> RawObjects {
        self.handle.block_on(self.open.raw(filter))
    }

    /// Asks the server what it would do with objects. Every write is marked dry-run: the server stores nothing, but its
    /// admission webhooks see it. The answers are in the order of the subjects.
    pub(crate) fn dry_run(&self, subjects: &[Subject], patch: &Patch<'_>) -> Vec<Answered> {
        self.handle.block_on(self.open.dry_run(subjects, patch))
    }

    /// Reads what causes depend on and was not read before, and adds it to the snapshot. What cannot be read becomes a gap
    /// in its coverage.
    pub fn more(&self, snapshot: &mut Snapshot, demands: &[Demand], progress: &dyn Fn(&str)) {
        self.handle.block_on(self.open.more(snapshot, demands, progress));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Reads what is wanted, as a session of its own.
///
/// # Errors
/// Those of [`Session::open`] and [`Session::read`].
pub fn read(options: &Options, wanted: &Wanted, progress: &dyn Fn(&str)) -> Result<Snapshot, SourceError> {
    wanted.check()?;
    Session::open(options)?.read(wanted, progress)
}
