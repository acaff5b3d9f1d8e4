//! Where manifests come from.

use clap::Args;

use super::error::CliError;
use crate::source::manifests::{Chart, Inputs, Kustomization, Limits, ManifestFile, read_manifests};

/// The files of manifests and what renders them.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Manifests")]
pub(crate) struct ManifestArgs {
    /// Files and folders of manifests; - is standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1..)]
    filenames: Vec<String>,
    /// Read the folders in folders as well
    #[arg(short = 'R', long)]
    recursive: bool,
    /// A folder with a kustomization.yaml, for kustomize or kubectl (can be repeated)
    #[arg(short = 'k', long = "kustomize", value_name = "DIR")]
    kustomizations: Vec<String>,
    /// A Helm chart, for helm
    #[arg(long, value_name = "CHART")]
    chart: Option<String>,
    /// The name of the chart's release
    #[arg(long, value_name = "NAME", requires = "chart")]
    release: Option<String>,
    /// A file with values for the chart (can be repeated)
    #[arg(long, value_name = "FILE", requires = "chart")]
    values: Vec<String>,
    /// A value for the chart (can be repeated)
    #[arg(long, value_name = "NAME=VALUE", requires = "chart")]
    set: Vec<String>,
    /// Something that the server serves, for charts that ask, such as batch/v1/CronJob (can be repeated)
    #[arg(long, value_name = "VERSION", requires = "chart")]
    api_versions: Vec<String>,
}

impl ManifestArgs {
    /// Whether no manifests are named.
    pub(crate) fn is_empty(&self) -> bool {
        self.filenames.is_empty() && self.kustomizations.is_empty() && self.chart.is_none()
    }

    /// Reads the files, and renders what is to be rendered for a namespace and a release of Kubernetes.
    ///
    /// # Errors
    /// Where nothing is named.
    pub(crate) fn read(
        &self,
        namespace: Option<&str>,
        kube_version: Option<String>,
    ) -> Result<Vec<ManifestFile>, CliError> {
        let chart = self.chart.as_ref().map(|folder| Chart {
            folder: folder.clone(),
            release: self.release.clone(),
            namespace: namespace.map(str::to_owned),
            values: self.values.clone(),
            set: self.set.clone(),
            api_versions: self.api_versions.clone(),
            kube_version,
        });
        let inputs = Inputs {
            files: self.filenames.clone(),
            recursive: self.recursive,
            kustomizations: self.kustomizations.iter().map(|folder| Kustomization { folder: folder.clone() }).collect(),
            charts: chart.into_iter().collect(),
        };
        Ok(read_manifests(&inputs, &Limits::default())?)
    }
}
