//! What the PV controller decides of a claim.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::mismatch::Mismatch;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMismatch {
    pub name: String,
    /// Every check that fails; the first is the one at which upstream stops.
    pub mismatch: Vec<Mismatch>,
}

impl VolumeMismatch {
    /// Whether the volume is of the claim's class or belongs to no other claim, so that it could have been meant.
    pub fn could_be_meant(&self) -> bool {
        let of_other = |why: &Mismatch| matches!(why, Mismatch::Owned { .. });
        let other_class = |why: &Mismatch| matches!(why, Mismatch::Class { .. });
        !(self.mismatch.iter().any(of_other) && self.mismatch.iter().any(other_class))
    }
}

/// The claim to which a volume belongs, by its `claimRef`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub namespace: String,
    pub name: String,
    /// Empty where the volume is reserved and not bound.
    pub uid: String,
    /// Whether it has the name of the claim in question, and so another uid.
    pub same_name: bool,
    /// The volume's phase.
    pub phase: String,
}

/// What the PV controller decides of a claim, as facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Bound to its volume, and nothing is wrong.
    Bound,
    /// Binds the claim to this volume on the next sync.
    Bind { volume: String },
    /// The class waits for a consumer and no node is selected. `pods` are those that use the claim and aren't
    /// scheduled, by name.
    WaitForConsumer { class: String, pods: Vec<String> },
    /// No volume matches and there is no class to make one.
    NoVolume,
    /// No volume matches and the class doesn't exist.
    ClassMissing { class: String },
    /// No volume matches and the class names an in-tree provisioner that isn't there, as `no-provisioner`.
    NoPlugin { class: String, provisioner: String },
    /// Waits for an external provisioner; `provisioner` is a CSI driver where the class names an in-tree plugin.
    ExternalProvisioning { class: String, provisioner: String },
    /// An in-tree plugin of kube-controller-manager provisions, where its flags allow that.
    InTreeProvisioning { class: String, provisioner: String },
    /// The volume that the claim names doesn't exist; the controller waits without an event.
    RequestedVolumeMissing { volume: String },
    /// The volume that the claim names is free and doesn't satisfy the claim.
    RequestedVolumeMismatch { volume: String, why: Mismatch },
    /// The volume that the claim names is bound or reserved for another claim, or for an earlier one of this name.
    RequestedVolumeTaken { volume: String, owner: Owner },
    /// The claim's selector is invalid: the sync ends in an error that only the controller's log has.
    InvalidSelector,
    /// The claim was bound and names no volume any more.
    LostReference,
    /// The claim was bound and its volume is gone.
    LostVolume { volume: String },
    /// The claim was bound and its volume belongs to another claim, or to an earlier or later one of this name.
    Misbound { volume: String, owner: Owner },
    /// Facts that decide are missing.
    Undecided,
}

/// The phase of a claim (`k8s.io/api/core/v1`, PersistentVolumeClaimPhase).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ClaimPhase {
    Pending,
    Bound,
    Lost,
    /// Facts are missing.
    Unknown,
}

impl fmt::Display for ClaimPhase {
    /// As the API writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The verdict on one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimVerdict {
    /// The phase that the controller keeps or gives.
    pub phase: ClaimPhase,
    /// What the controller decides. With something in `unknown` it is what follows from the facts that were read.
    pub decision: Decision,
    /// What the PV controller would emit now; `None` where it emits nothing or where that can't be known.
    pub event: Option<ClaimEvent>,
    /// The volume that the controller binds the claim to on its next sync.
    pub binds_to: Option<String>,
    /// The default class that the controller writes into the claim first.
    pub assigns_class: Option<String>,
    /// Existing volumes with what keeps them from this claim, the nearest first; empty for bound claims. A claim that
    /// names its volume has only that one.
    pub volumes: Arc<[VolumeMismatch]>,
    /// How many volumes were left out of `volumes`.
    pub volumes_left_out: usize,
    /// What was missing, one line each; empty where the verdict is certain.
    pub unknown: Vec<String>,
}

impl ClaimVerdict {
    /// A verdict that can't be given because of what is missing.
    pub fn unknown(missing: &str) -> Self {
        Self {
            phase: ClaimPhase::Unknown,
            decision: Decision::Undecided,
            event: None,
            binds_to: None,
            assigns_class: None,
            volumes: Arc::default(),
            volumes_left_out: 0,
            unknown: vec![missing.to_owned()],
        }
    }
}
