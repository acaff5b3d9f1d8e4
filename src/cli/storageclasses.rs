//! `storageclasses`: the classes, what stands behind them, and what is wrong with them.

use clap::Args;

use super::exit::Exit;
use super::offers::{self, OffersArgs};
use crate::model::Kind;
use crate::report::document::classes::StorageClasses;
use crate::report::human;

/// Show the storage classes, what stands behind them, and what is wrong with them
#[derive(Clone, Debug, Args)]
pub(crate) struct StorageClassesArgs {
    #[command(flatten)]
    offers: OffersArgs,
}

/// Runs the command.
///
/// # Errors
/// Where nothing could be read or the report can't be written.
pub(crate) fn run(args: &StorageClassesArgs) -> anyhow::Result<Exit> {
    let (snapshot, diagnosis) = args.offers.diagnose()?;
    let of = [Kind::StorageClass, Kind::CSIDriver, Kind::CSINode, Kind::CSIStorageCapacity];
    let report = StorageClasses::new(&snapshot, offers::findings(&diagnosis, &of));
    args.offers.write(&report, |screen| human::classes::write(&report, screen))?;
    Ok(args.offers.exit(&report.findings, report.unread.is_empty()))
}
