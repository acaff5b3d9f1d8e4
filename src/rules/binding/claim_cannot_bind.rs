use std::collections::BTreeMap;

use super::unbound_words::{reason, words};
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, count, named};
use crate::model::class::DEFAULT_CLASS;
use crate::model::{Claim, Kind, ObjectRef, StorageClass};
use crate::volumes::{ClaimVerdict, Decision, Mismatch};

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

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut stories: BTreeMap<String, Vec<&ClaimCase<'_>>> = BTreeMap::new();
    for case in &cx.claims {
        if out.explained(&claim_ref(case.claim)) {
            continue;
        }
        match reason(cx, case) {
            Some(reason) => stories.entry(reason).or_default().push(case),
            None => out.skip(case.verdict.unknown.first().cloned()),
        }
    }
    for (reason, cases) in stories {
        out.add(finding(cx, &reason, &cases));
    }
}

fn finding(cx: &Context<'_>, reason: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let names: Vec<&str> = cases.iter().map(|case| case.claim.metadata.name.as_str()).collect();
    let lead = cases[0];
    let object = claim_ref(lead.claim);
    let reason = match reason.strip_prefix("it ") {
        Some(rest) if cases.len() > 1 => format!("each {rest}"),
        _ => reason.to_owned(),
    };
    let title = format!("{} can't be bound: {reason}", capital(&named("claim", &names)));
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
    let back = cases.iter().filter_map(|case| give_back(cx, case));
    finding
        .with_remedies(back)
        .with_remedies(mark_default(cx, lead))
        .with_remedies(choose_class(cx, lead))
        .with_remedies(make_again(lead))
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
        let finding = finding.evidence(
            object.clone(),
            "spec.volumeName",
            claim.spec.volume_name.clone(),
            "the claim takes this volume or none",
        );
        return match &case.verdict.decision {
            Decision::LostVolume { .. } => {
                let note = "the object is gone; whether the disk behind it is gone too, only the storage's side tells";
                finding.evidence(object, "status.phase", claim.status.phase.clone(), note)
            }
            Decision::RequestedVolumeMissing { .. } => {
                let note = "the volume controller waits for the volume without a word";
                finding.evidence(object, "events", "none", note)
            }
            _ => finding,
        };
    }
    let class = match (claim.has_class(), claim.class()) {
        (false, _) => "no class".to_owned(),
        (true, "") => "storageClassName: \"\", a volume without a class".to_owned(),
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

/// What there is to choose where no class is the default and not exactly one could be it.
fn choose_class(cx: &Context<'_>, case: &ClaimCase<'_>) -> Option<Remedy> {
    if case.claim.has_class() || case.verdict.decision != Decision::NoVolume {
        return None;
    }
    if cx.unread(&[Kind::StorageClass]).is_some() || cx.snapshot.classes.seen().iter().any(|class| class.is_default()) {
        return None;
    }
    let names: Vec<&str> = cx.snapshot.classes.seen().iter().map(|class| class.metadata.name.as_str()).collect();
    let (title, what) = match names.as_slice() {
        [] => (
            "Give the cluster a storage class",
            "Install a storage driver, and make a class for it that is the default or that the claim names".to_owned(),
        ),
        [_] => return None,
        names => (
            "Choose a storage class",
            format!("Name one of the classes in the claim, or mark one the default: {}", names.join(", ")),
        ),
    };
    let reason = "which storage the claim is to be on is not known";
    Some(Remedy::untried(title, Risk::Low, vec![Step::told(what)], reason))
}

/// The class made the default where it is the only one that could be meant: the volume controller writes it into claims
/// that name none.
fn mark_default(cx: &Context<'_>, case: &ClaimCase<'_>) -> Option<Remedy> {
    if case.claim.has_class() || case.verdict.decision != Decision::NoVolume {
        return None;
    }
    let made = |class: &&StorageClass| !class.provisioner.starts_with("kubernetes.io/");
    let mut classes = cx.snapshot.classes.seen().iter().map(|class| &**class).filter(made);
    let (Some(class), None) = (classes.next(), classes.next()) else { return None };
    if class.is_default() || cx.unread(&[Kind::StorageClass]).is_some() {
        return None;
    }
    let name = class.metadata.name.as_str();
    let patch = serde_json::json!({"metadata": {"annotations": {DEFAULT_CLASS: "true"}}});
    let what = format!("Mark class {name}: claims that name no class, those that wait included, get it");
    let step = cx.patch(what, (Kind::StorageClass, "", name), patch);
    Some(Remedy::new(format!("Make class {name} the default"), Risk::Low, vec![step]))
}

/// A claim is bound to the volume that it names once that is there, though it was lost before (`pv_controller.go`,
/// syncUnboundClaim and syncBoundClaim).
fn make_again(case: &ClaimCase<'_>) -> Option<Remedy> {
    let meta = &case.claim.metadata;
    let volume = match &case.verdict.decision {
        Decision::LostVolume { volume } => volume,
        Decision::RequestedVolumeMissing { volume } => {
            let what =
                format!("Create volume {volume}, with what claim {} asks for: the claim is bound to it", meta.name);
            let reason = "what disk is meant is not known";
            return Some(Remedy::untried("Create the volume", Risk::Low, vec![Step::told(what)], reason));
        }
        _ => return None,
    };
    let what = format!(
        "Where the disk still exists at the storage's side, create volume {volume} again for it, with namespace {} and \
         name {} in its claimRef: the claim is bound to it again",
        meta.namespace, meta.name
    );
    let reason = "whether the disk still exists is not in the API";
    Some(Remedy::untried("Have the data again", Risk::Low, vec![Step::told(what)], reason))
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
