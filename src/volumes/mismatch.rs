//! Why a volume isn't for a claim, with what decides.

use std::fmt;

use serde::Serialize;

use crate::model::meta::Map;
use crate::model::selector::{LabelSelector, Requirement};
use crate::model::{Claim, Quantity, Volume};

/// A check that a volume fails for a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "check", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Mismatch {
    /// The claim asks for modes that the volume doesn't have.
    AccessModes { lacking: Vec<String>, present: Vec<String> },
    /// `claimRef` names another claim.
    Owned { namespace: String, name: String, uid: String },
    /// `claimRef` names a claim of this name that had another uid: one that was deleted.
    EarlierClaim { namespace: String, name: String, uid: String, claim_uid: String },
    /// The volume is smaller than the claim asks for; none counts as 0.
    Capacity {
        #[cfg_attr(test, schemars(with = "String"))]
        present: Quantity,
        #[cfg_attr(test, schemars(with = "String"))]
        asked: Quantity,
    },
    /// The volume has the other mode.
    VolumeMode { present: String, asked: String },
    /// The volume has another attributes class; empty for none.
    AttributesClass { present: String, asked: String },
    /// The volume is being deleted.
    Deletion { volume: String, since: String },
    /// The volume isn't available; `Pending` where no controller has looked at it yet.
    Phase { phase: String },
    /// The volume's labels don't meet a requirement of the claim's selector. `present` is what the volume has.
    Selector { requirement: String, present: Option<String> },
    /// The volume has another class; empty for none.
    Class { present: String, asked: String },
    /// Nothing is wrong with the volume: the class waits for a consumer, so the scheduler chooses.
    LeftToScheduler,
}

impl Mismatch {
    /// What upstream writes of a volume that the claim names (`pv_controller.go`, checkVolumeSatisfyClaim); `None` for
    /// what it doesn't check there.
    pub fn upstream_text(&self) -> Option<String> {
        let text = match self {
            Self::Deletion { volume, .. } => return Some(format!("the volume is marked for deletion {volume:?}")),
            Self::Capacity { .. } => "requested PV is too small",
            Self::Class { .. } => "storageClassName does not match",
            Self::AttributesClass { .. } => "volumeAttributesClassName does not match",
            Self::VolumeMode { .. } => "incompatible volumeMode",
            Self::AccessModes { .. } => "incompatible accessMode",
            Self::Owned { .. }
            | Self::EarlierClaim { .. }
            | Self::Phase { .. }
            | Self::Selector { .. }
            | Self::LeftToScheduler => return None,
        };
        Some(text.to_owned())
    }

    /// The field of the volume that decides.
    pub fn field(&self) -> &'static str {
        match self {
            Self::AccessModes { .. } => "spec.accessModes",
            Self::Owned { .. } => "spec.claimRef",
            Self::EarlierClaim { .. } => "spec.claimRef.uid",
            Self::Capacity { .. } => "spec.capacity.storage",
            Self::VolumeMode { .. } => "spec.volumeMode",
            Self::AttributesClass { .. } => "spec.volumeAttributesClassName",
            Self::Deletion { .. } => "metadata.deletionTimestamp",
            Self::Phase { .. } => "status.phase",
            Self::Selector { .. } => "metadata.labels",
            Self::Class { .. } => "spec.storageClassName",
            Self::LeftToScheduler => "",
        }
    }

    /// The claim to which the volume belongs instead, where that is the check.
    pub(crate) fn owner(volume: &Volume, claim: &Claim) -> Option<Self> {
        let reference = volume.spec.claim_ref.as_ref()?;
        let (namespace, name, uid) = (reference.namespace.clone(), reference.name.clone(), reference.uid.clone());
        let same = name == claim.metadata.name && namespace == claim.metadata.namespace;
        Some(match same {
            true => Self::EarlierClaim { namespace, name, uid, claim_uid: claim.metadata.uid.clone() },
            false => Self::Owned { namespace, name, uid },
        })
    }

    pub(crate) fn capacity(volume: &Volume, claim: &Claim) -> Self {
        let size = |quantity: Option<&Quantity>| quantity.cloned().unwrap_or_else(|| Quantity::bytes(0));
        Self::Capacity { present: size(volume.capacity()), asked: size(claim.request()) }
    }

    pub(crate) fn volume_mode(volume: &Volume, claim: &Claim) -> Self {
        Self::VolumeMode { present: volume.volume_mode().to_owned(), asked: claim.volume_mode().to_owned() }
    }

    pub(crate) fn attributes_class(volume: &Volume, claim: &Claim) -> Self {
        let [present, asked] = [&volume.spec.volume_attributes_class_name, &claim.spec.volume_attributes_class_name]
            .map(|name| name.clone().unwrap_or_default());
        Self::AttributesClass { present, asked }
    }

    pub(crate) fn deletion(volume: &Volume) -> Self {
        let since = volume.metadata.deletion_timestamp.clone().unwrap_or_default();
        Self::Deletion { volume: volume.metadata.name.clone(), since }
    }

    pub(crate) fn phase(volume: &Volume) -> Self {
        let phase = if volume.status.phase.is_empty() { "Pending" } else { &volume.status.phase };
        Self::Phase { phase: phase.to_owned() }
    }

    /// The first requirement of the claim's selector that the volume's labels don't meet.
    pub(crate) fn selector(volume: &Volume, claim: &Claim) -> Self {
        let labels = &volume.metadata.labels;
        let unmet = claim.spec.selector.as_ref().and_then(|selector| unmet(selector, labels));
        let present = unmet.as_ref().and_then(|requirement| labels.get(&requirement.key).cloned());
        Self::Selector { requirement: unmet.map(|requirement| requirement.to_string()).unwrap_or_default(), present }
    }

    pub(crate) fn class(volume: &Volume, asked: &str) -> Self {
        Self::Class { present: volume.class().to_owned(), asked: asked.to_owned() }
    }
}

/// The first requirement of a selector that labels don't meet.
fn unmet(selector: &LabelSelector, labels: &Map) -> Option<Requirement> {
    let equal = |(key, value): (&String, &String)| Requirement {
        key: key.clone(),
        operator: "In".to_owned(),
        values: vec![value.clone()],
    };
    let mut all = selector.match_labels.iter().map(equal).chain(selector.match_expressions.iter().cloned());
    all.find(|requirement| {
        let alone = LabelSelector { match_expressions: vec![requirement.clone()], ..LabelSelector::default() };
        !alone.matches(labels)
    })
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessModes { lacking, .. } => write!(f, "accessModes lack {}", lacking.join(" and ")),
            Self::Owned { namespace, name, .. } => write!(f, "claimRef belongs to {namespace}/{name}"),
            Self::EarlierClaim { namespace, name, uid, .. } => {
                write!(f, "claimRef belongs to an earlier {namespace}/{name} (uid {uid})")
            }
            Self::Capacity { present, asked } => write!(f, "capacity {present} < {asked}"),
            Self::VolumeMode { present, asked } => write!(f, "volumeMode {present} ≠ {asked}"),
            Self::AttributesClass { present, asked } => {
                write!(f, "volumeAttributesClassName {present:?} ≠ {asked:?}")
            }
            Self::Deletion { .. } => f.write_str("being deleted"),
            Self::Phase { phase } => write!(f, "phase {phase}"),
            Self::Selector { requirement, .. } if requirement.is_empty() => {
                f.write_str("labels don't match the claim's selector")
            }
            Self::Selector { requirement, present: None } => {
                write!(f, "labels don't match the claim's selector: {requirement}, and there is no such label")
            }
            Self::Selector { requirement, present: Some(present) } => {
                write!(f, "labels don't match the claim's selector: {requirement}, and it is {present}")
            }
            Self::Class { present, asked } => write!(f, "class {present:?} ≠ {asked:?}"),
            Self::LeftToScheduler => f.write_str("left to the scheduler: the class waits for the first consumer"),
        }
    }
}
