use super::capacity::{Shortage, shortages};
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::quantity::short_bytes;
use crate::model::{CsiStorageCapacity, Kind, ObjectRef, Quantity};

super::declare_rule! {
    static RULE = {
        name: "capacity-too-small",
        summary: "A claim asks for more than any node that the pod may use has free.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node, StorageClass, CSIDriver, CSINode, CSIStorageCapacity],
        rejected_pods: true,
        check: check,
    }
}

/// Nodes whose figures are shown.
const SHOWN: usize = 10;

fn check(cx: &Context<'_>, out: &mut Findings) {
    for shortage in shortages(cx) {
        if shortage.unpublished.is_empty() && !shortage.small.is_empty() {
            out.add(finding(cx, &shortage));
        }
    }
}

fn limit(object: &CsiStorageCapacity) -> i64 {
    object.limit().map_or(0, Quantity::value)
}

fn finding(cx: &Context<'_>, shortage: &Shortage<'_, '_>) -> Finding {
    let claim = shortage.claim;
    let asked = claim.request().map_or(0, Quantity::value);
    let mut small = shortage.small.clone();
    small.sort_by_key(|(name, object)| (std::cmp::Reverse(limit(object)), *name));
    let (node, best) = small[0];
    let class = &shortage.class.metadata.name;
    let by_limit = best.maximum_volume_size.is_some();
    let title = format!(
        "Claim {} asks for {} of class {class}, and the {} is {} (node {node})",
        claim.metadata.name,
        short_bytes(asked),
        if by_limit { "largest single volume that any node can hold" } else { "most that any node has free" },
        short_bytes(limit(best)),
    );
    let mut finding = Finding::new(RULE.name, Severity::Error, claim_ref(claim), title).evidence(
        claim_ref(claim),
        "spec.resources.requests.storage",
        short_bytes(asked),
        "what is asked for",
    );
    for (node, object) in small.iter().take(SHOWN) {
        finding = with_figures(node, object, asked, finding);
    }
    if small.len() > SHOWN {
        finding = finding.evidence(
            shortage.class_ref(),
            "",
            format!("{} more nodes", small.len() - SHOWN),
            "have no more than these",
        );
    }
    finding.explains_all(shortage.group.objects()).explains_all(shortage.claims(cx)).with_remedies(remedies(
        cx,
        shortage,
        limit(best),
    ))
}

fn with_figures(node: &str, object: &CsiStorageCapacity, asked: i64, finding: Finding) -> Finding {
    let figure = |quantity: &Option<Quantity>| quantity.as_ref().map(|quantity| short_bytes(quantity.value()));
    let reference = ObjectRef::new(Kind::CSIStorageCapacity, &object.metadata.namespace, &object.metadata.name);
    let (path, value, note) = match (figure(&object.maximum_volume_size), figure(&object.capacity)) {
        (Some(largest), Some(free)) => (
            "maximumVolumeSize",
            largest,
            format!("node {node}: {free} is free in all, but no single volume may be larger than this"),
        ),
        (Some(largest), None) => ("maximumVolumeSize", largest, format!("node {node}: the largest single volume")),
        (None, Some(free)) => {
            let short = asked.saturating_sub(limit(object));
            ("capacity", free, format!("node {node}: {} too little", short_bytes(short)))
        }
        (None, None) => ("capacity", "not set".to_owned(), format!("node {node}: counts as nothing free")),
    };
    finding.evidence(reference, path, value, note)
}

fn remedies(cx: &Context<'_>, shortage: &Shortage<'_, '_>, best: i64) -> Vec<Remedy> {
    let class = &shortage.class.metadata.name;
    let grow = Step::told(format!("Give the backend of class {class} more space on a node that the pod may use"));
    let mut remedies = vec![Remedy::untried("Add space", Risk::Low, vec![grow], "how much is added is not known")];
    if best > 0 {
        remedies.push(ask_for_less(cx, shortage, best));
    }
    remedies
}

/// A claim's size can't be lowered, so the claim is made anew; nothing is on it yet.
fn ask_for_less(cx: &Context<'_>, shortage: &Shortage<'_, '_>, best: i64) -> Remedy {
    let meta = &shortage.claim.metadata;
    let size = Quantity::bytes(best);
    let mut steps = Vec::new();
    let what = match shortage.group.owner.as_ref().filter(|owner| owner.kind == "StatefulSet") {
        Some(set) => format!(
            "Ask for at most {} in the claim template of StatefulSet {}: scale it to zero, delete the unbound claims, \
             and create the set again with the smaller template",
            short_bytes(best),
            set.name
        ),
        None => format!("Delete claim {} and create it again with at most {}", meta.name, short_bytes(best)),
    };
    let mut effects = Vec::new();
    for claim in shortage.claims(cx) {
        let Some(mut object) = cx.snapshot.to_json(Kind::PersistentVolumeClaim, &claim.namespace, &claim.name) else {
            continue;
        };
        let present = object["spec"]["resources"]["requests"]["storage"].as_str().map(Quantity::parse);
        if !matches!(present, Some(Ok(present)) if present > size) {
            continue;
        }
        object["spec"]["resources"]["requests"]["storage"] = size.to_string().into();
        effects.push(Change::Create { kind: Kind::PersistentVolumeClaim, object });
    }
    steps.push(Step::told(what).leading_to(effects));
    Remedy::new("Ask for less", Risk::Medium, steps)
}
