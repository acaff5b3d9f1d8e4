use crate::admission::expand::stateful_set_claims;
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{NOTHING_WAITS, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, either, named};
use crate::model::{Claim, Kind, ObjectRef, Quantity, Workload};

crate::rules::declare_rule! {
    static RULE = {
        name: "template-not-followed",
        summary: "A StatefulSet's template asks for more storage than claims that were made from it before.",
        severity: Warning,
        since: "0.1.0",
        needs: [StatefulSet, PersistentVolumeClaim],
        reads: [StorageClass],
        stage: Cause,
        check: check,
    }
}

/// Pods of a set whose claims are looked at.
const PODS: i32 = 500;
/// Claims that are shown.
const SHOWN: usize = 3;

/// A claim that asks for less than its template does now.
struct Smaller<'a> {
    claim: &'a Claim,
    place: usize,
    has: &'a Quantity,
    wanted: Quantity,
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    for set in cx.sets_in_scope().iter().copied().filter(|set| !set.metadata.deleting()) {
        let found = smaller(cx, set);
        if !found.is_empty() {
            out.add(finding(cx, set, &found));
        }
    }
}

fn smaller<'a>(cx: &Context<'a>, set: &Workload) -> Vec<Smaller<'a>> {
    let mut found = Vec::new();
    let first = set.first_ordinal();
    for ordinal in (0..set.replicas().clamp(0, PODS)).filter_map(|nth| first.checked_add(nth)) {
        for (place, made) in stateful_set_claims(set, ordinal).into_iter().enumerate() {
            let claim = cx.snapshot.claims.get(&set.metadata.namespace, &made.metadata.name).found();
            let Some(claim) = claim else { continue };
            let (Some(has), Some(wanted)) = (claim.request(), made.request().cloned()) else { continue };
            if claim.status.phase == "Bound" && !claim.metadata.deleting() && *has < wanted {
                found.push(Smaller { claim, place, has, wanted });
            }
        }
    }
    found
}

fn finding(cx: &Context<'_>, set: &Workload, found: &[Smaller<'_>]) -> Finding {
    let names: Vec<&str> = found.iter().map(|one| one.claim.metadata.name.as_str()).collect();
    let (name, lead) = (&set.metadata.name, &found[0]);
    let object = ObjectRef::new(Kind::StatefulSet, &set.metadata.namespace, name);
    let title = format!(
        "{} {} at {}: StatefulSet {name} asks for {} in its template, which counts for new claims alone",
        capital(&named("claim", &names)),
        either(names.len(), "stays", "stay"),
        lead.has,
        lead.wanted
    );
    let path = format!("spec.volumeClaimTemplates[{}].spec.resources.requests.storage", lead.place);
    let mut finding = RULE.finding(object.clone(), title);
    finding = finding.evidence(object, path, lead.wanted.to_string(), "what new claims of the set ask for");
    for one in found.iter().take(SHOWN) {
        let note = "a claim that exists is never changed by its StatefulSet";
        finding = finding.evidence(claim_ref(one.claim), "spec.resources.requests.storage", one.has.to_string(), note);
    }
    let claims = found.iter().map(|one| claim_ref(one.claim));
    finding.explains_all(claims).remedy(remedy(cx, found))
}

fn remedy(cx: &Context<'_>, found: &[Smaller<'_>]) -> Remedy {
    let steps: Vec<Step> = found.iter().map(|one| step(cx, one)).collect();
    Remedy::untried("Let the claims ask for as much", Risk::Low, steps, NOTHING_WAITS)
}

fn step(cx: &Context<'_>, one: &Smaller<'_>) -> Step {
    let meta = &one.claim.metadata;
    let class = cx.snapshot.classes.get("", one.claim.class()).found();
    if class.is_some_and(|class| class.allow_volume_expansion != Some(true)) {
        let what = format!(
            "Let class {} allow it (allowVolumeExpansion) where its driver can; claim {} can't ask for more until then",
            one.claim.class(),
            meta.name
        );
        return Step::told(what);
    }
    let patch = serde_json::json!({"spec": {"resources": {"requests": {"storage": one.wanted.to_string()}}}});
    let what = format!("Let claim {} ask for {}", meta.name, one.wanted);
    cx.patch(what, (Kind::PersistentVolumeClaim, &meta.namespace, &meta.name), patch)
}
