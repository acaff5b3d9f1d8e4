use std::collections::BTreeMap;

use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::count;
use crate::diagnosis::who::Who;
use crate::model::{Claim, Kind, ObjectRef};

use crate::volumes::{ClaimVerdict, Decision, Mismatch, Owner, VolumeMismatch};

crate::rules::declare_rule! {
    static RULE = {
        name: "claim-cannot-bind",
        summary: "Claims can't be bound, for a reason that no other rule explains.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim],
        reads: [PersistentVolume, StorageClass],
        stage: Failure,
        check: check,
    }
}

/// Volumes whose mismatch is shown.
const SHOWN: usize = 3;

/// The provisioner of classes whose volumes are made by hand.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut stories: BTreeMap<String, Vec<&ClaimCase<'_>>> = BTreeMap::new();
    for case in &cx.claims {
        if out.explained(&claim_ref(case.claim)) {
            continue;
        }
        match reason(cx, &case.verdict) {
            Some(reason) => stories.entry(reason).or_default().push(case),
            None => out.skip(case.verdict.unknown.first().cloned()),
        }
    }
    for (reason, cases) in stories {
        out.add(finding(cx, &reason, &cases));
    }
}

/// What keeps the claim, in plain words; `None` where nothing does.
fn reason(cx: &Context<'_>, verdict: &ClaimVerdict) -> Option<String> {
    let nearest = || nearest(cx, verdict);
    Some(match &verdict.decision {
        Decision::NoVolume => format!("{}, and without a storage class none is made", nearest()),
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
            format!("it asks for volume {volume}, which does not fit: {why}")
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

/// Whose a volume is, as a clause.
fn belongs(owner: &Owner) -> String {
    let state = if owner.phase == "Released" { " and is Released" } else { "" };
    match owner.same_name {
        true => format!("whose claimRef has the uid of an earlier claim of this name{state}"),
        false if owner.phase == "Released" => {
            format!("which is Released and was claim {}/{}'s", owner.namespace, owner.name)
        }
        false => format!("which belongs to claim {}/{}", owner.namespace, owner.name),
    }
}

/// That no volume fits, with the one that comes nearest.
fn nearest(cx: &Context<'_>, verdict: &ClaimVerdict) -> String {
    let free = |volume: &&VolumeMismatch| !volume.mismatch.iter().any(|why| matches!(why, Mismatch::Owned { .. }));
    match verdict.volumes.iter().find(free) {
        Some(volume) => {
            format!("no existing volume fits (nearest is {}: {})", volume.name, words(&volume.mismatch))
        }
        None if cx.presumes_none(Kind::PersistentVolume) => "the dump has no volume at all".to_owned(),
        None if cx.unread(&[Kind::PersistentVolume]).is_some() => "no volume that was read fits".to_owned(),
        None if verdict.volumes.is_empty() => "there is no volume".to_owned(),
        None => "every existing volume belongs to another claim".to_owned(),
    }
}

fn words(mismatch: &[Mismatch]) -> String {
    mismatch.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn finding(cx: &Context<'_>, reason: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let names: Vec<&str> = cases.iter().map(|case| case.claim.metadata.name.as_str()).collect();
    let lead = cases[0];
    let object = claim_ref(lead.claim);
    let title = format!("{} can't be bound: {reason}", Who::new("claim", &names));
    let mut finding = RULE.finding(object.clone(), title);
    finding = with_question(lead, finding);
    if let Some(event) = &lead.verdict.event {
        finding = finding.evidence(object, "events", event.message.clone(), "what the volume controller says");
    }
    finding = with_volumes(lead, finding);
    if !lead.verdict.unknown.is_empty() {
        finding = finding.likely();
    }
    for case in cases {
        finding = finding.explains(claim_ref(case.claim));
        finding = finding.explains_all(cx.held_by(case.claim).into_iter().map(pod_ref));
    }
    finding.with_remedies(cases.iter().filter_map(|case| give_back(cx, case)))
}

/// What the claim asks for.
fn with_question(case: &ClaimCase<'_>, finding: Finding) -> Finding {
    let (claim, object) = (case.claim, claim_ref(case.claim));
    let finding = match &case.verdict.decision {
        Decision::RequestedVolumeTaken { owner, .. } | Decision::Misbound { owner, .. } if owner.same_name => finding
            .evidence(
                object.clone(),
                "metadata.uid",
                claim.metadata.uid.clone(),
                "the claim was made anew: this is not the uid that the volume's claimRef has",
            ),
        _ => finding,
    };
    if !claim.spec.volume_name.is_empty() {
        let note = "the claim takes this volume or none";
        return finding.evidence(object, "spec.volumeName", claim.spec.volume_name.clone(), note);
    }
    let class = match (claim.has_class(), claim.class()) {
        (false, _) => "no class, and no class is the default".to_owned(),
        (true, "") => "the empty class, which asks for a volume without one".to_owned(),
        (true, class) => format!("class {class}"),
    };
    let size = claim.request().map_or_else(|| "no size".to_owned(), ToString::to_string);
    let modes = claim.spec.access_modes.join(", ");
    finding.evidence(object, "spec", format!("{size}, {modes}, {class}"), "what the claim asks for")
}

fn with_volumes(case: &ClaimCase<'_>, mut finding: Finding) -> Finding {
    let owner = match &case.verdict.decision {
        Decision::RequestedVolumeTaken { volume, owner } | Decision::Misbound { volume, owner } => {
            Some((volume, owner))
        }
        _ => None,
    };
    if let Some((volume, owner)) = owner {
        let object = ObjectRef::new(Kind::PersistentVolume, "", volume);
        let value = format!("{}/{}, uid {}", owner.namespace, owner.name, owner.uid);
        let note = format!("the claim that the volume belongs to; the volume is {}", owner.phase);
        return finding.evidence(object, "spec.claimRef", value, note);
    }
    for volume in case.verdict.volumes.iter().take(SHOWN) {
        let object = ObjectRef::new(Kind::PersistentVolume, "", &volume.name);
        let field = volume.mismatch.first().map_or("", Mismatch::field);
        finding = finding.evidence(object, field, words(&volume.mismatch), "why this volume does not fit");
    }
    let more = case.verdict.volumes.len().saturating_sub(SHOWN) + case.verdict.volumes_left_out;
    if more > 0 {
        let value = format!("{} more", count(more, "volume"));
        finding = finding.evidence(claim_ref(case.claim), "", value, "do not fit either; -o json has them");
    }
    finding
}

/// Gives a released volume, still marked with the uid of an earlier claim of the same name, to the claim. Only the uid
/// goes: without `claimRef` any claim could take the volume.
fn give_back(cx: &Context<'_>, case: &ClaimCase<'_>) -> Option<Remedy> {
    let (volume, uid) = earlier_volume(&case.verdict, case.claim)?;
    let operations = serde_json::json!([
        {"op": "test", "path": "/spec/claimRef/uid", "value": uid},
        {"op": "remove", "path": "/spec/claimRef/uid"}]);
    let change = Change::JsonPatch {
        kind: Kind::PersistentVolume,
        namespace: String::new(),
        name: volume.to_owned(),
        operations,
    };
    let name = &case.claim.metadata.name;
    let check = Step {
        effects: Vec::new(),
        ..cx.step(
            format!(
                "Once it is certain that claim {name} should have the data on it, take the old uid off volume {volume}"
            ),
            change,
        )
    };
    let title = format!("Let claim {name} have volume {volume} with the data of the earlier claim");
    Some(Remedy::new(title, Risk::Medium, vec![check]))
}

/// The released volume that nothing but an earlier uid keeps from the claim, with that uid.
fn earlier_volume<'v>(verdict: &'v ClaimVerdict, claim: &Claim) -> Option<(&'v str, &'v str)> {
    if let Decision::RequestedVolumeTaken { volume, owner } = &verdict.decision {
        return (owner.same_name && owner.phase == "Released").then_some((volume.as_str(), owner.uid.as_str()));
    }
    if !claim.spec.volume_name.is_empty() {
        return None;
    }
    verdict.volumes.iter().find_map(|volume| match volume.mismatch.as_slice() {
        [Mismatch::EarlierClaim { uid, .. }, Mismatch::Phase { phase }] if phase == "Released" => {
            Some((volume.name.as_str(), uid.as_str()))
        }
        _ => None,
    })
}
