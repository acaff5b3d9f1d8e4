use std::collections::BTreeMap;

use super::keep::{FACTS, FREE, patch_volumes};
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Loss, Near};
use crate::diagnosis::looks::CHANGES_NOTHING;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{NOTHING_WAITS, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, count, either, named, names, natural_order};
use crate::model::volume::ClaimReference;
use crate::model::{Kind, ObjectRef, Volume};

crate::rules::declare_rule! {
    static RULE = {
        name: "data-left-in-released-volumes",
        summary: "Released volumes may hold the data of claims that are gone.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolume],
        reads: [PersistentVolumeClaim],
        stage: Risk,
        check: check,
    }
}

/// A released volume and the claim that it had.
type Left<'a> = (&'a Volume, &'a ClaimReference);

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut by_class: BTreeMap<&str, Vec<Left<'_>>> = BTreeMap::new();
    for volume in cx.released.iter().copied().filter(|volume| retained(volume)) {
        let Some(claim) = volume.spec.claim_ref.as_ref().filter(|claim| !there(cx, claim)) else { continue };
        by_class.entry(volume.class()).or_default().push((volume, claim));
    }
    for (class, mut left) in by_class {
        left.sort_by(|(a, _), (b, _)| natural_order(&a.metadata.name, &b.metadata.name));
        out.add(finding(cx, class, &left));
    }
}

fn retained(volume: &Volume) -> bool {
    volume.spec.persistent_volume_reclaim_policy == "Retain" && !volume.metadata.deleting()
}

/// Whether the very claim still exists, so that the volume's phase is not up to date.
fn there(cx: &Context<'_>, claim: &ClaimReference) -> bool {
    let found = cx.snapshot.claims.get(&claim.namespace, &claim.name).found();
    found.is_some_and(|found| found.metadata.uid == claim.uid)
}

fn volume_ref(volume: &Volume) -> ObjectRef {
    ObjectRef::new(Kind::PersistentVolume, "", &volume.metadata.name)
}

fn finding(cx: &Context<'_>, class: &str, left: &[Left<'_>]) -> Finding {
    let volumes: Vec<&str> = left.iter().map(|(volume, _)| volume.metadata.name.as_str()).collect();
    let mut claims: Vec<String> = left.iter().map(|(_, claim)| format!("{}/{}", claim.namespace, claim.name)).collect();
    claims.sort_by(|a, b| natural_order(a, b));
    claims.dedup();
    let of_class = if class.is_empty() { String::new() } else { format!(" of class {class}") };
    let gone = either(claims.len(), "is gone", "are gone");
    let title = format!(
        "{}{of_class} may hold the data of {}, which {gone}: whoever removes claimRef lets any claim that fits take {}",
        subject(&volumes),
        named("claim", &claims),
        either(volumes.len(), "it", "them"),
    );
    let object = match class {
        "" => volume_ref(left[0].0),
        class => ObjectRef::new(Kind::StorageClass, "", class),
    };
    let mut finding = RULE.finding(object, title);
    for (volume, claim) in left.iter().take(FACTS) {
        let now = cx.snapshot.claims.get(&claim.namespace, &claim.name).found();
        let again = if now.is_some() { "another claim has the name now" } else { "the claim is gone" };
        let note = format!("{again}; Retain keeps the volume, and claimRef keeps other claims off");
        let had = format!("{}/{} (uid {})", claim.namespace, claim.name, claim.uid);
        finding = finding.evidence(volume_ref(volume), "spec.claimRef", had, note);
    }
    finding
        .explains_all(left.iter().map(|(volume, _)| volume_ref(volume)))
        .with_remedies([look(&volumes)])
        .with_remedies(give_back(cx, left))
        .at_risk(Loss::Data, Near::Possible)
}

/// The volumes by name, or how many where their names, which are mostly long, would fill the sentence.
fn subject(volumes: &[&str]) -> String {
    match volumes.len() {
        1 | 2 => capital(&named("volume", volumes)),
        many => count(many, "released volume"),
    }
}

fn look(volumes: &[&str]) -> Remedy {
    let columns = "NAME:.metadata.name,NAMESPACE:.spec.claimRef.namespace,CLAIM:.spec.claimRef.name,\
                   SIZE:.spec.capacity.storage,MADE:.metadata.creationTimestamp";
    let shown = &volumes[..volumes.len().min(100)];
    let command = kubectl(&["get", "persistentvolume"], shown, &[("-o", &format!("custom-columns={columns}"))]);
    let steps = vec![
        Step { command, ..Step::told("See which claim each volume had, and how old it is") },
        Step::told("Ask the owner of the namespace before anybody removes claimRef or deletes the volume"),
    ];
    Remedy::untried("Find out whose data it is", Risk::Low, steps, CHANGES_NOTHING)
}

/// Holds volumes for claims of the names that they had; where two had the same or the claim is there again, that is for
/// people to say.
fn give_back(cx: &Context<'_>, left: &[Left<'_>]) -> Option<Remedy> {
    let same = |a: &ClaimReference, b: &ClaimReference| (&a.namespace, &a.name) == (&b.namespace, &b.name);
    let alone = |claim: &ClaimReference| {
        let of_name = cx.released.iter().filter_map(|volume| volume.spec.claim_ref.as_ref());
        of_name.filter(|other| same(other, claim)).take(2).count() == 1
            && cx.snapshot.claims.get(&claim.namespace, &claim.name).is_absent()
    };
    let volumes: Vec<&str> = left
        .iter()
        .take(100)
        .filter(|(_, claim)| alone(claim))
        .map(|(volume, _)| volume.metadata.name.as_str())
        .collect();
    let command = patch_volumes(&volumes, FREE);
    let it = either(volumes.len(), "it is held", "each is held");
    let steps = vec![
        Step {
            command,
            ..Step::told(format!(
                "Take only the uid out of claimRef of {}: {it} for a claim of the old name",
                names(&volumes)
            ))
        },
        Step::told("Make that claim anew in its namespace, with the volume in spec.volumeName"),
    ];
    let title = "To use the data again, hold the volume for the claim that it had";
    (!volumes.is_empty()).then(|| Remedy::untried(title, Risk::Low, steps, NOTHING_WAITS))
}
