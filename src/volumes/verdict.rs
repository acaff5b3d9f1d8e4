//! What the PV controller decides of a claim.

use serde::Serialize;

/// An event that the PV controller emits on a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClaimEvent {
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub reason: &'static str,
    pub message: String,
}

/// Why a volume doesn't match a claim, in upstream's order of checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeMismatch {
    pub name: String,
    /// Every check that fails; the first is the one at which upstream stops.
    pub mismatch: Vec<String>,
}

/// The verdict on one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimVerdict {
    /// The phase that the controller keeps or gives: `Pending`, `Bound` or `Lost`; `Unknown` where facts are missing.
    pub phase: &'static str,
    /// What the PV controller would emit now; `None` where it emits nothing or where that can't be known.
    pub event: Option<ClaimEvent>,
    /// The volume that the controller binds the claim to on its next sync.
    pub binds_to: Option<String>,
    /// Every existing volume with what keeps it from this claim; empty for bound claims.
    pub volumes: Vec<VolumeMismatch>,
    /// What was missing, one line each; empty where the verdict is certain.
    pub unknown: Vec<String>,
}

impl ClaimVerdict {
    /// A verdict that can't be given because of what is missing.
    pub fn unknown(missing: &str) -> Self {
        Self { phase: "Unknown", event: None, binds_to: None, volumes: Vec::new(), unknown: vec![missing.to_owned()] }
    }
}
