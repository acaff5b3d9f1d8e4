use std::collections::BTreeMap;

use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{either, named, names};
use crate::diagnosis::who::Who;
use crate::model::{Event, Kind, Node, ObjectRef};
use crate::volumes::Decision;

crate::rules::declare_rule! {
    static RULE = {
        name: "class-not-found",
        summary: "Claims name a storage class that doesn't exist.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim],
        reads: [StorageClass, PersistentVolume, Event],
        stage: Cause,
        check: check,
    }
}

/// How it is known that a class isn't there.
#[derive(Clone, Copy)]
enum Proof<'a> {
    /// All classes were read.
    Read,
    /// The volume controller says so.
    Told(&'a Event),
    /// The dump has no class at all, which proves nothing.
    Presumed,
}

/// Begins the labels of nodes that vcluster's syncer makes up.
const VIRTUAL: &str = "vcluster.loft.sh/";

fn check(cx: &Context<'_>, out: &mut Causes) {
    let mut by_class: BTreeMap<&str, Vec<(&ClaimCase<'_>, Proof<'_>)>> = BTreeMap::new();
    for case in &cx.claims {
        match missing(cx, case) {
            Ok(Some((class, proof))) => by_class.entry(class).or_default().push((case, proof)),
            Ok(None) => {}
            Err(unread) => out.skip(Some(unread)),
        }
    }
    for (class, cases) in by_class {
        out.add(finding(cx, class, &cases));
    }
}

/// The class that a claim misses; the error says what was not read.
fn missing<'c>(cx: &Context<'c>, case: &'c ClaimCase<'_>) -> Result<Option<(&'c str, Proof<'c>)>, String> {
    match &case.verdict.decision {
        Decision::ClassMissing { class } => {
            let presumed = || told(cx, case).map_or(Proof::Presumed, Proof::Told);
            Ok(Some((class, if cx.presumes_none(Kind::StorageClass) { presumed() } else { Proof::Read })))
        }
        Decision::Undecided if !case.claim.class().is_empty() => {
            match (told(cx, case), cx.unread(&[Kind::StorageClass])) {
                (Some(event), Some(_)) => Ok(Some((case.claim.class(), Proof::Told(event)))),
                (None, Some(unread)) => Err(unread),
                (_, None) => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// The volume controller's last word on a claim, where it is that the class isn't there.
fn told<'c>(cx: &Context<'c>, case: &ClaimCase<'_>) -> Option<&'c Event> {
    let controllers = |event: &&'c Event| event.component() == "persistentvolume-controller";
    let last = cx.events_of(&claim_ref(case.claim)).into_iter().rfind(controllers);
    let text = format!("storageclass.storage.k8s.io {:?} not found", case.claim.class());
    last.filter(|event| event.message == text)
}

fn finding(cx: &Context<'_>, class: &str, cases: &[(&ClaimCase<'_>, Proof<'_>)]) -> Finding {
    let claims: Vec<&str> = cases.iter().map(|(case, _)| case.claim.metadata.name.as_str()).collect();
    let proof = cases.iter().map(|(_, proof)| *proof).find(|proof| !matches!(proof, Proof::Presumed));
    let names = Who::new("claim", &claims).does("name");
    let object = claim_ref(cases[0].0.claim);
    let finding = match proof.unwrap_or(Proof::Presumed) {
        Proof::Read => {
            let missing = ObjectRef::new(Kind::StorageClass, "", class);
            let title = format!("{names} storage class {class}, which does not exist");
            RULE.finding(missing.clone(), title)
                .evidence(object, "spec.storageClassName", class, "no storage class has this name")
                .evidence(missing, "", "not found", existing_words(&existing(cx)))
        }
        Proof::Told(event) => {
            let title = format!("{names} storage class {class}, which the volume controller does not find");
            let said = format!("what the volume controller says, last at {}", event.last_seen());
            let about = &event.involved_object;
            let about = ObjectRef::new(Kind::PersistentVolumeClaim, &about.namespace, &about.name);
            RULE.finding(object, title).evidence(about, "events", &event.message, said)
        }
        Proof::Presumed => {
            let title = format!("{names} storage class {class}, and the dump has no storage class at all");
            let note = format!("a dump without any class proves nothing: kubectl get storageclass {class} tells");
            let finding = RULE.finding(object.clone(), title).likely();
            finding.evidence(object, "spec.storageClassName", class, note)
        }
    };
    let finding = with_victims(cx, cases, with_virtual_cluster(cx, finding));
    finding.with_remedies(remedies(cx, class, &claims))
}

/// A virtual cluster has the objects that its syncer copies; classes need not be among them.
fn with_virtual_cluster(cx: &Context<'_>, finding: Finding) -> Finding {
    let marked = |node: &&std::sync::Arc<Node>| node.metadata.labels.keys().any(|key| key.starts_with(VIRTUAL));
    match cx.snapshot.nodes.seen().iter().find(marked) {
        Some(node) => {
            let object = ObjectRef::new(Kind::Node, "", &node.metadata.name);
            let note = "the node is one of a virtual cluster: the class may be in the cluster around it, and its \
                        syncer does not bring it here; diagnose that cluster too";
            finding.evidence(object, "metadata.labels", VIRTUAL, note)
        }
        None => finding,
    }
}

fn existing_words(existing: &[&str]) -> String {
    match existing {
        [] => "no storage class exists at all".to_owned(),
        existing => format!("the classes that exist: {}", names(existing)),
    }
}

fn existing<'c>(cx: &Context<'c>) -> Vec<&'c str> {
    cx.snapshot.classes.seen().iter().map(|class| class.metadata.name.as_str()).collect()
}

fn with_victims(cx: &Context<'_>, cases: &[(&ClaimCase<'_>, Proof<'_>)], mut finding: Finding) -> Finding {
    for (case, _) in cases {
        finding = finding.explains(claim_ref(case.claim));
        finding = finding.explains_all(cx.held_by(case.claim).into_iter().map(pod_ref));
    }
    let unread = cases.iter().find(|(case, _)| matches!(case.verdict.decision, Decision::ClassMissing { .. }));
    match unread.and_then(|(case, _)| case.verdict.unknown.first()) {
        Some(unknown) => {
            let object = claim_ref(cases[0].0.claim);
            finding.evidence(object, "status.phase", "Pending", unknown.clone()).likely()
        }
        None => finding,
    }
}

fn remedies(cx: &Context<'_>, class: &str, claims: &[&str]) -> Vec<Remedy> {
    let nearest = nearest(class, &existing(cx)).map(|nearest| alias(cx, class, nearest));
    let other = Remedy::untried(
        "Name a class that exists",
        Risk::Medium,
        vec![Step::told(format!(
            "Delete {} and create {} again with a class that exists: a claim's class can't be changed",
            named("claim", claims),
            either(claims.len(), "it", "them"),
        ))],
        "which class is meant is not known",
    );
    nearest.into_iter().chain([other]).collect()
}

/// A class of the missing name that does what the one with the most similar name does.
fn alias(cx: &Context<'_>, class: &str, nearest: &str) -> Remedy {
    let mut object = cx.snapshot.to_json(Kind::StorageClass, "", nearest).unwrap_or_default();
    object["apiVersion"] = "storage.k8s.io/v1".into();
    object["kind"] = "StorageClass".into();
    object["metadata"] = serde_json::json!({"name": class});
    let what = format!("Create storage class {class} as a copy of {nearest}, the class with the most similar name");
    let change = Change::Create { kind: Kind::StorageClass, object, ask: None };
    Remedy::new(format!("Create the class, like {nearest}"), Risk::Low, vec![cx.step(what, change)])
}

/// The most similar name, where one is similar at all.
fn nearest<'a>(name: &str, existing: &[&'a str]) -> Option<&'a str> {
    let best = existing.iter().map(|other| (distance(name, other), *other)).min()?;
    (best.0 <= name.chars().count().max(3) / 3).then_some(best.1)
}

/// The edit distance between two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let cost = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_found_and_others_not() {
        assert_eq!(nearest("topolvm-provisoner", &["standard", "topolvm-provisioner"]), Some("topolvm-provisioner"));
        assert_eq!(nearest("gp3", &["standard", "premium-rwo"]), None);
        assert_eq!(nearest("gp3", &["gp2", "standard"]), Some("gp2"));
        assert_eq!(nearest("x", &[]), None);
    }
}
