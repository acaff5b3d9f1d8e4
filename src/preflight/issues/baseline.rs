//! Issues that are known and do not count: those of an earlier report.

use std::collections::BTreeSet;

use serde::Deserialize;

/// The fingerprints of an earlier report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baseline {
    known: BTreeSet<String>,
}

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
#[error("it is no report of `preflight -o json`: {0}")]
pub(crate) struct BaselineError(String);

#[derive(Deserialize)]
struct Report {
    kind: String,
    issues: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    fingerprint: String,
}

impl Baseline {
    /// The issues of a report that `preflight -o json` wrote.
    ///
    /// # Errors
    /// Where the text is no such report.
    pub(crate) fn parse(text: &str) -> Result<Self, BaselineError> {
        let report: Report = serde_json::from_str(text).map_err(|error| BaselineError(error.to_string()))?;
        if report.kind != "Preflight" {
            return Err(BaselineError(format!("it is of kind {}", report.kind)));
        }
        Ok(Self { known: report.issues.into_iter().map(|issue| issue.fingerprint).collect() })
    }

    /// Whether an issue is known.
    pub(crate) fn knows(&self, fingerprint: &str) -> bool {
        self.known.contains(fingerprint)
    }
}
