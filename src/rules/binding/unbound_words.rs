//! Why a claim can't be bound, in words.

use crate::diagnosis::context::{ClaimCase, Context};
use crate::model::version::Version;
use crate::model::{Claim, Kind, StorageClass};
use crate::volumes::{ClaimVerdict, Decision, Mismatch, Owner, VolumeMismatch};

/// The provisioner of classes whose volumes are made by hand.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// The first release that gives claims which exist the default class (RetroactiveDefaultStorageClass).
const GIVEN_LATER: Version = Version::new(1, 26);

/// What keeps the claim, as the end of a sentence about it; `None` where nothing does.
pub(super) fn reason(cx: &Context<'_>, case: &ClaimCase<'_>) -> Option<String> {
    let nearest = || nearest(cx, &case.verdict);
    Some(match &case.verdict.decision {
        Decision::NoVolume => format!("{}, and {}", without_class(cx, case.claim), nearest()),
        Decision::NoPlugin { class, provisioner } if provisioner == NO_PROVISIONER => {
            format!("{}, and class {class} makes none", nearest())
        }
        Decision::NoPlugin { class, provisioner } => {
            format!("{}, and provisioner {provisioner} of class {class} does not exist any more", nearest())
        }
        Decision::RequestedVolumeMissing { volume } if cx.presumes_none(Kind::PersistentVolume) => {
            format!("it asks for volume {volume}, and the dump has no volume at all")
        }
        Decision::RequestedVolumeMissing { volume } => format!("it asks for volume {volume}, which does not exist"),
        Decision::RequestedVolumeMismatch { volume, why } => {
            format!("it asks for volume {volume}, which {}{}", plain(why), given(cx, why))
        }
        Decision::RequestedVolumeTaken { volume, owner } => {
            format!("it asks for volume {volume}, {}", belongs(owner))
        }
        Decision::InvalidSelector => "its selector is invalid, which stops the volume controller".to_owned(),
        Decision::LostReference => "it was bound and names no volume any more".to_owned(),
        Decision::LostVolume { volume } => format!("it was bound to volume {volume}, which is gone"),
        Decision::Misbound { volume, owner } => format!("it was bound to volume {volume}, {}", belongs(owner)),
        Decision::ClassMissing { class } => format!("storage class {class} does not exist"),
        Decision::Bound
        | Decision::Bind { .. }
        | Decision::WaitForConsumer { .. }
        | Decision::ExternalProvisioning { .. }
        | Decision::InTreeProvisioning { .. }
        | Decision::Undecided => return None,
    })
}

/// Every check that a volume fails, in short.
pub(super) fn words(mismatch: &[Mismatch]) -> String {
    mismatch.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Why no class makes a volume for a claim without one.
fn without_class(cx: &Context<'_>, claim: &Claim) -> String {
    let default = default_class(cx);
    match (claim.has_class(), default) {
        (true, Some(class)) => format!(
            "its storageClassName is \"\", which asks for a volume without a class and not for class {}, the default",
            class.metadata.name
        ),
        (true, None) => "its storageClassName is \"\", for which no volume is made".to_owned(),
        (false, Some(class)) if cx.options.version(cx.snapshot) < GIVEN_LATER => format!(
            "it names no storage class, and this release gives it none though class {} is the default",
            class.metadata.name
        ),
        (false, Some(_)) => "it names no storage class, which one it gets is not certain".to_owned(),
        (false, None) if cx.presumes_none(Kind::StorageClass) => {
            "it names no storage class, the dump has none".to_owned()
        }
        (false, None) if cx.unread(&[Kind::StorageClass]).is_some() => {
            "it names no storage class, none that was read is the default".to_owned()
        }
        (false, None) => "it names no storage class, no class is the default".to_owned(),
    }
}

/// The class that claims which name none are given: the newest that is marked.
fn default_class<'c>(cx: &Context<'c>) -> Option<&'c StorageClass> {
    let marked = cx.snapshot.classes.seen().iter().map(|class| &**class).filter(|class| class.is_default());
    marked.max_by(|a, b| a.metadata.creation_timestamp.cmp(&b.metadata.creation_timestamp))
}

/// Where a class that doesn't suit is the default, that the claim may have got it without asking.
fn given(cx: &Context<'_>, why: &Mismatch) -> String {
    let Mismatch::Class { asked, .. } = why else { return String::new() };
    let default = default_class(cx).filter(|class| class.metadata.name == *asked);
    default.map_or_else(String::new, |_| format!("; class {asked} is the default: claims that name none get it"))
}

/// Whose a volume is, as a clause.
fn belongs(owner: &Owner) -> String {
    let released = owner.phase == "Released";
    match (owner.same_name, released) {
        (true, true) => "which is Released and still has the uid of an earlier claim of this name".to_owned(),
        (true, false) => "whose claimRef has the uid of another claim of this name".to_owned(),
        (false, true) => format!("which is Released and was claim {}/{}'s", owner.namespace, owner.name),
        (false, false) => format!("which belongs to claim {}/{}", owner.namespace, owner.name),
    }
}

/// That no volume fits, with the one that comes nearest.
fn nearest(cx: &Context<'_>, verdict: &ClaimVerdict) -> String {
    let free = |volume: &&VolumeMismatch| !volume.mismatch.iter().any(|why| matches!(why, Mismatch::Owned { .. }));
    match verdict.volumes.iter().find(free) {
        Some(volume) => {
            let fails: Vec<String> = volume.mismatch.iter().map(plain).collect();
            format!("no existing volume fits (nearest is {}, which {})", volume.name, fails.join(" and "))
        }
        None if cx.presumes_none(Kind::PersistentVolume) => "the dump has no volume at all".to_owned(),
        None if cx.unread(&[Kind::PersistentVolume]).is_some() => "no volume that was read fits".to_owned(),
        None if verdict.volumes.is_empty() => "there is no volume".to_owned(),
        None => "every existing volume belongs to another claim".to_owned(),
    }
}

/// What a volume lacks, as a clause about it.
fn plain(mismatch: &Mismatch) -> String {
    let class = |name: &str| if name.is_empty() { "no class".to_owned() } else { format!("class {name}") };
    match mismatch {
        Mismatch::AccessModes { lacking, .. } => format!("lacks access mode {}", lacking.join(" and ")),
        Mismatch::Owned { namespace, name, .. } => format!("belongs to claim {namespace}/{name}"),
        Mismatch::EarlierClaim { .. } => "still has the uid of an earlier claim of this name".to_owned(),
        Mismatch::Capacity { present, asked } => format!("has {present} where {asked} are asked"),
        Mismatch::VolumeMode { present, asked } => format!("has volumeMode {present} where {asked} is asked"),
        Mismatch::AttributesClass { present, asked } => {
            format!("has attributes {} where {} is asked", class(present), class(asked))
        }
        Mismatch::Deletion { .. } => "is being deleted".to_owned(),
        Mismatch::Phase { phase } => format!("is {phase}"),
        Mismatch::Selector { requirement, present: None } => {
            format!("has no label for the claim's selector, {requirement}")
        }
        Mismatch::Selector { requirement, present: Some(present) } => {
            format!("has label {present} where the claim's selector asks for {requirement}")
        }
        Mismatch::Class { present, asked } => format!("has {} where {} is asked", class(present), class(asked)),
        Mismatch::LeftToScheduler => "the scheduler may choose".to_owned(),
    }
}
