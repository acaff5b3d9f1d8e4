//! `webhooks`: the admission webhooks that see new pods and claims.

use clap::Args;

use super::exit::Exit;
use super::offers::{self, OffersArgs};
use crate::model::Kind;
use crate::report::document::webhooks::Webhooks;
use crate::report::human;

/// Show the admission webhooks that see new pods and claims, and what is wrong with them
#[derive(Clone, Debug, Args)]
pub(crate) struct WebhooksArgs {
    #[command(flatten)]
    offers: OffersArgs,
}

/// Runs the command.
///
/// # Errors
/// Where nothing could be read or the report can't be written.
pub(crate) fn run(args: &WebhooksArgs) -> anyhow::Result<Exit> {
    let (snapshot, diagnosis) = args.offers.diagnose()?;
    let of = [Kind::MutatingWebhookConfiguration, Kind::ValidatingWebhookConfiguration];
    let report = Webhooks::new(&snapshot, offers::findings(&diagnosis, &of));
    args.offers.write(&report, |screen| human::webhooks::write(&report, screen))?;
    Ok(args.offers.exit(&report.findings, report.unread.is_empty()))
}
