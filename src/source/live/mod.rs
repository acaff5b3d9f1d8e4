//! Facts from the API server, with GET and LIST only; Secrets are never asked for.
//!
//! `options` is what the caller chooses, `connect` makes a client from the kubeconfig, `request` is the only place
//! that talks HTTP, `list` reads one kind, `decode` one page, `gather` reads all kinds side by side, and `failure`
//! says in plain words what went wrong. `needs` is the table of the rights that all this takes.

mod connect;
mod decode;
mod failure;
mod gather;
mod kubeconfig;
mod list;
mod options;
mod proxy;
mod request;

pub use kubeconfig::current_namespace;
pub use options::{DEFAULT_TIMEOUT, Environment, Options, Wanted};

use super::SourceError;
use crate::snapshot::Snapshot;

/// Reads what is wanted, within one deadline over connecting, credential plugins and every request.
///
/// A kind that cannot be read becomes a gap in the snapshot's coverage. `progress` is told what was read so far.
///
/// # Errors
/// Where the options or the kubeconfig are wrong, and where nothing at all could be read.
pub fn read(options: &Options, wanted: &Wanted, progress: &dyn Fn(&str)) -> Result<Snapshot, SourceError> {
    wanted.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| SourceError::unreadable(format!("cannot start the network runtime: {error}")))?;
    let result = runtime.block_on(gather::gather(options, wanted, progress));
    runtime.shutdown_background();
    result
}
