//! The texts of manifests: files, folders, standard input, and what kustomize and helm render.

mod files;
mod render;
mod text;

use super::SourceError;
pub use render::{Chart, Kustomization};
#[cfg(test)]
pub(crate) use text::decode;

/// Where manifests are looked for.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Files and folders; `-` is standard input.
    pub files: Vec<String>,
    /// Whether the folders in folders count too.
    pub recursive: bool,
    pub kustomizations: Vec<Kustomization>,
    pub charts: Vec<Chart>,
}

/// The bounds of what is read, in bytes and in numbers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One file, or what one program renders.
    pub file: u64,
    /// All texts together.
    pub total: u64,
    /// Files in all.
    pub files: usize,
    /// Folders within folders.
    pub folders: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 32 << 20, total: 128 << 20, files: 10_000, folders: 64 }
    }
}

/// The program that renders charts.
pub(crate) const HELM: &str = "helm";

/// A file of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// As the user named it, or below the folder that the user named.
    pub name: String,
    /// The program that rendered it, where one did: `kustomize` or `helm`.
    pub renderer: Option<&'static str>,
    /// Its text, or why it can't be read.
    pub text: Result<String, Fault>,
}

/// Why a file can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line and column, from 1, where that is known.
    pub place: Option<(usize, usize)>,
    /// In one line: lower case, no full stop.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

impl Fault {
    fn whole(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), hint: None }
    }

    fn hinted(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Reads manifests, in the order in which kubectl would apply them. What can't be read stands beside the others.
///
/// # Errors
/// Where nothing is named, or standard input twice.
pub fn read_manifests(inputs: &Inputs, limits: &Limits) -> Result<Vec<ManifestFile>, SourceError> {
    if inputs.files.is_empty() && inputs.kustomizations.is_empty() && inputs.charts.is_empty() {
        return Err(
            SourceError::usage("no manifests are named").hinted("name files with -f, or -k DIR, or --chart DIR")
        );
    }
    if inputs.files.iter().filter(|file| *file == "-").count() > 1 {
        return Err(SourceError::usage("standard input can be read only once"));
    }
    let mut reader = files::Reader::new(limits, inputs.recursive);
    for file in &inputs.files {
        reader.named(file);
    }
    for kustomization in &inputs.kustomizations {
        reader.rendered("kustomize", kustomization.name(), |limit| kustomization.render(limit));
    }
    for chart in &inputs.charts {
        reader.rendered(HELM, chart.name(), |limit| chart.render(limit));
    }
    Ok(reader.found)
}
