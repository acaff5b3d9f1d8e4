//! What is tried beside the manifests.

use clap::Args;

use super::error::CliError;
use super::selector;
use crate::model::selector::LabelSelector;
use crate::preflight::{Asked, Changes, Leaving, manifests};
use crate::source::manifests::{Inputs, Limits, read_manifests};

/// What goes, how many, and what is lost.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What if")]
pub(crate) struct WhatIfArgs {
    /// Try so many replicas of the workloads: how many fit, and what ends it
    #[arg(long, value_name = "N")]
    replicas: Option<u32>,
    /// Try claims of this size, such as 45Gi
    #[arg(long, value_name = "SIZE")]
    size: Option<String>,
    /// Try claims of this class
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Manifests of what is deleted before the others are applied (can be repeated)
    #[arg(long, value_name = "PATH")]
    delete: Vec<String>,
    /// In the end delete what kubectl applied to these namespaces and is in no manifest
    #[arg(long)]
    prune: bool,
    /// Of that only what has these labels
    #[arg(long, value_name = "LABELS", value_parser = selector::parse, requires = "prune")]
    prune_selector: Option<LabelSelector>,
    /// Drain nodes in the end: does everything on them find a place again?
    #[arg(long, value_name = "NODE", num_args = 1..)]
    drain: Vec<String>,
    /// Lose the nodes of a zone in the end (can be repeated)
    #[arg(long, value_name = "ZONE")]
    without_zone: Vec<String>,
}

impl WhatIfArgs {
    /// Whether there is something to try without a manifest.
    pub(crate) fn stands_alone(&self) -> bool {
        !self.drain.is_empty() || !self.without_zone.is_empty() || !self.delete.is_empty()
    }

    /// What is asked in place of what the manifests say.
    pub(crate) fn asked(&self) -> Asked {
        Asked { replicas: self.replicas, size: self.size.clone(), class: self.class.clone() }
    }

    /// What changes beside the manifests.
    ///
    /// # Errors
    /// Where manifests of what is deleted can't be read.
    pub(crate) fn changes(&self) -> Result<Changes, CliError> {
        let mut deleted = Vec::new();
        if !self.delete.is_empty() {
            let inputs = Inputs { files: self.delete.clone(), ..Inputs::default() };
            let read = manifests::read(&read_manifests(&inputs, &Limits::default())?);
            if let Some(problem) = read.problems.first() {
                return Err(CliError::usage(format!("{}: {}", problem.file, problem.message)));
            }
            deleted = read.documents;
        }
        Ok(Changes {
            deleted,
            prune: self.prune,
            prune_selector: self.prune_selector.clone(),
            leaving: Leaving { drained: self.drain.clone(), zones: self.without_zone.clone() },
        })
    }
}
