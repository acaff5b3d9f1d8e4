use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::capacity::{Shortage, shortages};
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{either, named};
use crate::diagnosis::who::Who;
use crate::model::quantity::short_bytes;
use crate::model::{CsiStorageCapacity, Kind, ObjectRef, Quantity};
use crate::rules::topolvm::capacity::{
    agent_facts, device_class, device_class_fact, is_topolvm, lvmd_looks, unknown_device_class,
};

crate::rules::declare_rule! {
    static RULE = {
        name: "capacity-too-small",
        summary: "A claim asks for more than any node that the pod may use has free.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node, StorageClass, CSIDriver, CSINode, CSIStorageCapacity],
        rejected_pods: true,
        stage: Cause,
        check: check,
    }
}

/// Claims that a step names: the cause has named the first of more.
const NAMED: usize = 5;
/// Nodes whose figures are shown.
const SHOWN: usize = 10;
/// Claims whose requests are shown.
const SHOWN_CLAIMS: usize = 3;

/// What makes shortages one story: the class, and the best that the nodes in question have.
type Key<'c> = (&'c str, &'c str, i64);

fn check(cx: &Context<'_>, out: &mut Causes) {
    let found = shortages(cx);
    let mut largest: BTreeMap<&str, Option<(&str, &CsiStorageCapacity)>> = BTreeMap::new();
    let mut stories: BTreeMap<Key<'_>, Vec<&Shortage<'_, '_>>> = BTreeMap::new();
    for shortage in found.iter().filter(|shortage| shortage.unpublished.is_empty()) {
        let class = shortage.class.metadata.name.as_str();
        let of_cluster = *largest.entry(class).or_insert_with(|| largest_of(cx, class));
        let best = match of_cluster {
            Some((_, object)) if limit(object) < shortage.asked() => of_cluster,
            _ => best(shortage),
        };
        if let Some((node, object)) = best {
            stories.entry((class, node, limit(object))).or_default().push(shortage);
        }
    }
    for ((class, ..), shortages) in &stories {
        let of_cluster = largest[class].filter(|(_, object)| limit(object) < shortages[0].asked());
        if let Some(best) = of_cluster.or_else(|| best(shortages[0])) {
            out.add(finding(cx, shortages, best));
        }
    }
}

/// The node of the whole cluster for which most is published.
fn largest_of<'c>(cx: &'c Context<'_>, class: &str) -> Option<(&'c str, &'c CsiStorageCapacity)> {
    let nodes = cx.snapshot.nodes.seen().iter();
    let objects = nodes
        .flat_map(|node| cx.scheduler.capacities_on(class, node).map(|object| (node.metadata.name.as_str(), object)));
    objects.min_by_key(|(node, object)| (Reverse(limit(object)), *node))
}

/// The node for which most is published, of those that refuse the pods for it.
fn best<'c>(shortage: &Shortage<'c, 'c>) -> Option<(&'c str, &'c CsiStorageCapacity)> {
    shortage.small.iter().copied().min_by_key(|(node, object)| (Reverse(limit(object)), *node))
}

fn limit(object: &CsiStorageCapacity) -> i64 {
    object.limit().map_or(0, Quantity::value)
}

fn finding(cx: &Context<'_>, shortages: &[&Shortage<'_, '_>], best: (&str, &CsiStorageCapacity)) -> Finding {
    let lead = shortages[0];
    let unknown = unknown_device_class(cx, lead.class);
    let mut finding = match &unknown {
        Some(_) => RULE.finding(lead.class_ref(), device_class_title(shortages)),
        None => RULE.finding(claim_ref(lead.claim), title(shortages, best)),
    };
    finding.evidence.extend(unknown.as_ref().map(|known| device_class_fact(lead.class, known)));
    for shortage in shortages.iter().take(SHOWN_CLAIMS) {
        let object = claim_ref(shortage.claim);
        let asked = short_bytes(shortage.asked());
        finding = finding.evidence(object, "spec.resources.requests.storage", asked, "what is asked for");
    }
    let mut small = lead.small.clone();
    small.sort_by_key(|(name, object)| (Reverse(limit(object)), *name));
    if small.is_empty() {
        small.push(best);
    }
    for (node, object) in small.iter().take(SHOWN) {
        finding = with_figures(node, object, lead.asked(), finding);
    }
    if unknown.is_none() {
        let found = small.iter().filter_map(|(node, _)| cx.snapshot.nodes.get("", node).found());
        finding.evidence.extend(agent_facts(lead.class, found.map(|node| &**node)));
    }
    if small.len() > SHOWN {
        let more = format!("{} more nodes", small.len() - SHOWN);
        finding = finding.evidence(lead.class_ref(), "", more, "have no more than these");
    }
    for shortage in shortages {
        finding = finding.explains_all(shortage.group.objects()).explains_all(shortage.claims(cx));
    }
    match &unknown {
        Some(known) => finding.remedy(other_device_class(cx, lead, known, best.0)),
        None => finding.with_remedies(remedies(cx, shortages, best)),
    }
}

fn device_class_title(shortages: &[&Shortage<'_, '_>]) -> String {
    let names: Vec<&str> = shortages.iter().map(|shortage| shortage.claim.metadata.name.as_str()).collect();
    let class = shortages[0].class;
    format!(
        "Class {} names device class {}, which driver {} has on no node, so {} {} no room",
        class.metadata.name,
        device_class(class),
        class.provisioner,
        named("claim", &names),
        either(names.len(), "finds", "find")
    )
}

fn other_device_class(cx: &Context<'_>, lead: &Shortage<'_, '_>, known: &[String], node: &str) -> Remedy {
    let (class, driver) = (&lead.class.metadata.name, lead.class.provisioner.as_str());
    let ask = match known {
        [] => format!("Add device class {} to lvmd's configuration", device_class(lead.class)),
        known => format!(
            "Make class {class} anew with {driver}/device-class: {} (parameters of a class can't be changed, and volumes that \
             exist keep theirs), or add device class {} to lvmd's configuration",
            known.join(" or "),
            device_class(lead.class)
        ),
    };
    let mut steps = vec![Step::told(ask)];
    let found = cx.snapshot.nodes.get("", node).found();
    steps.extend(found.into_iter().flat_map(|node| lvmd_looks(cx, driver, node)));
    Remedy::untried("Name a device class that exists", Risk::Low, steps, "what the driver has free of it is not known")
}

fn title(shortages: &[&Shortage<'_, '_>], (node, best): (&str, &CsiStorageCapacity)) -> String {
    let names: Vec<&str> = shortages.iter().map(|shortage| shortage.claim.metadata.name.as_str()).collect();
    let asked = shortages.iter().map(|shortage| shortage.asked());
    let (least, most) = (asked.clone().min().unwrap_or(0), asked.max().unwrap_or(0));
    let asked = match least == most {
        true => short_bytes(most),
        false => format!("{} to {}", short_bytes(least), short_bytes(most)),
    };
    format!(
        "{} for {asked} of class {}, and the {} is {} (node {node})",
        Who::new("claim", &names).does("ask"),
        shortages[0].class.metadata.name,
        match best.maximum_volume_size {
            Some(_) => "largest single volume that any node can hold",
            None => "most that any node has free",
        },
        short_bytes(limit(best)),
    )
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

fn remedies(
    cx: &Context<'_>,
    shortages: &[&Shortage<'_, '_>],
    (node, object): (&str, &CsiStorageCapacity),
) -> Vec<Remedy> {
    let (best, driver) = (limit(object), shortages[0].class.provisioner.as_str());
    let class = &shortages[0].class.metadata.name;
    let grow = Step::told(format!("Give the backend of class {class} more space on a node that the pod may use"));
    let mut steps = vec![grow];
    if let Some(node) = cx.snapshot.nodes.get("", node).found().filter(|_| is_topolvm(driver)) {
        steps.extend(lvmd_looks(cx, driver, node));
    }
    let mut remedies = vec![Remedy::untried("Add space", Risk::Low, steps, "how much is added is not known")];
    if best > 0 {
        remedies.push(Remedy::new("Ask for less", Risk::Medium, ask_for_less(cx, shortages, best)));
    }
    remedies
}

/// A claim's size can't be lowered, so the claim is made anew; nothing is on it yet. Claims that pods make for themselves, and
/// more than a reader would make one by one, share a step.
fn ask_for_less(cx: &Context<'_>, shortages: &[&Shortage<'_, '_>], best: i64) -> Vec<Step> {
    let size = short_bytes(best);
    let (mut steps, mut alone) = (Vec::new(), BTreeMap::new());
    for shortage in shortages {
        let smaller = smaller_claims(cx, shortage, best);
        match shortage.group.owner.as_ref().filter(|owner| owner.kind == "StatefulSet") {
            Some(set) => steps.push(
                Step::told(format!(
                    "Ask for at most {size} in the claim template of StatefulSet {}: scale it to zero, delete the unbound \
                     claims, and create the set again with the smaller template",
                    set.name
                ))
                .leading_to(smaller.into_iter().map(|(_, change)| change).collect()),
            ),
            None => alone.extend(smaller),
        }
    }
    let free = |claim: &ObjectRef| {
        let found = cx.snapshot.claims.get(&claim.namespace, &claim.name).found();
        found.is_some_and(|claim| claim.metadata.controller().is_none())
    };
    if alone.len() <= SHOWN && alone.keys().all(free) {
        steps.extend(alone.keys().map(|claim| made_anew(cx, claim, best)));
        return steps;
    }
    let names: Vec<&str> = alone.keys().map(|claim| claim.name.as_str()).collect();
    let them = either(names.len(), "it", "them");
    let claims = if names.len() > NAMED { format!("these {} claims", names.len()) } else { named("claim", &names) };
    let text = format!("Delete {claims} and create {them} again with at most {size}");
    steps.push(Step::told(text).leading_to(alone.into_values().collect()));
    steps
}

fn made_anew(cx: &Context<'_>, claim: &ObjectRef, best: i64) -> Step {
    let (kind, namespace, name) = (Kind::PersistentVolumeClaim, claim.namespace.clone(), claim.name.clone());
    let size = Quantity::bytes(best).to_string();
    let operations = serde_json::json!([{"op": "replace", "path": "/spec/resources/requests/storage", "value": size}]);
    let what = format!("Make claim {name} anew for {}, if that is enough; it has no volume yet", short_bytes(best));
    cx.step(what, Change::Remake { kind, namespace, name, operations, ask: None })
}

/// The claims of the pods that ask for more, with the size in its place.
fn smaller_claims(cx: &Context<'_>, shortage: &Shortage<'_, '_>, best: i64) -> Vec<(ObjectRef, Change)> {
    let size = Quantity::bytes(best);
    let claims = shortage.claims(cx).into_iter();
    claims
        .filter_map(|claim| {
            let kind = Kind::PersistentVolumeClaim;
            let mut object = cx.snapshot.to_json(kind, &claim.namespace, &claim.name)?;
            let present = object["spec"]["resources"]["requests"]["storage"].as_str().map(Quantity::parse);
            let more = matches!(present, Some(Ok(present)) if present > size);
            object["spec"]["resources"]["requests"]["storage"] = size.to_string().into();
            more.then_some((claim, Change::Create { kind, object, ask: None }))
        })
        .collect()
}
