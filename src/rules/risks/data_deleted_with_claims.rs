use std::collections::BTreeMap;

use super::held::{Held, claims_named, held};
use super::keep::{goes_with_claim, retain, with_policies};
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Loss, Near};
use crate::diagnosis::out::Out;
use crate::diagnosis::text::{either, named};
use crate::model::{Kind, ObjectRef, Workload};

crate::rules::declare_rule! {
    static RULE = {
        name: "data-deleted-with-claims",
        summary: "Deleting the claims of a StatefulSet deletes their volumes and the data.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, PersistentVolume, StatefulSet],
        reads: [StorageClass],
        stage: Risk,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut by_set: BTreeMap<(&str, &str), (&Workload, Vec<Held<'_>>)> = BTreeMap::new();
    for one in held(cx) {
        let Some((set, _)) = one.set.filter(|_| goes_with_claim(one.volume) && !one.claim.metadata.deleting()) else {
            continue;
        };
        let key = (set.metadata.namespace.as_str(), set.metadata.name.as_str());
        by_set.entry(key).or_insert_with(|| (set, Vec::new())).1.push(one);
    }
    for (set, held) in by_set.into_values() {
        out.add(finding(cx, set, &held));
    }
}

fn finding(cx: &Context<'_>, set: &Workload, held: &[Held<'_>]) -> Finding {
    let meta = &set.metadata;
    let object = ObjectRef::new(Kind::StatefulSet, &meta.namespace, &meta.name);
    let title = format!(
        "Deleting {} of StatefulSet {} deletes {} and the data",
        claims_named(held),
        meta.name,
        either(held.len(), "its volume", "their volumes"),
    );
    let templates: Vec<&str> =
        set.spec.volume_claim_templates.iter().map(|template| template.metadata.name.as_str()).collect();
    let mut finding = RULE.finding(object.clone(), title).evidence(
        object.clone(),
        "spec.volumeClaimTemplates",
        named("template", &templates),
        format!(
            "kubectl delete pvc deletes what is made from it, and so does the deletion of namespace {}",
            meta.namespace
        ),
    );
    let spare: Vec<&str> = held.iter().filter(|one| !one.wanted()).map(Held::name).collect();
    if !spare.is_empty() {
        let none = either(spare.len(), "has no pod now, and still its data", "have no pods now, and still their data");
        let note = format!("{} {none}", named("claim", &spare));
        finding = finding.evidence(object, "spec.replicas", set.replicas().to_string(), note);
    }
    with_policies(finding, held)
        .explains_all(held.iter().map(Held::claim_ref))
        .with_remedies(retain(cx, held))
        .at_risk(Loss::Data, Near::Possible)
}
