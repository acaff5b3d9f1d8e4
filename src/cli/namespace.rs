//! Which namespace is meant.

use clap::Args;

/// The namespace.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Scope")]
pub(crate) struct NamespaceArgs {
    /// The namespace; by default the context's, and every one of a dump
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Every namespace
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

impl NamespaceArgs {
    /// Every namespace.
    pub(crate) fn all() -> Self {
        Self { namespace: None, all_namespaces: true }
    }

    /// The namespace in scope, `None` for all.
    pub(crate) fn resolve(&self, default: Option<&str>) -> Option<String> {
        if self.all_namespaces {
            return None;
        }
        self.namespace.clone().or_else(|| default.map(str::to_owned))
    }
}
