use super::capacity::{Shortage, shortages};
use crate::dependencies::Part;
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk, Step, Trial};
use crate::diagnosis::text::{capital, named, names};
use crate::model::quantity::short_bytes;
use crate::model::{Kind, ObjectRef};
use crate::rules::provisioning::runner::provisioner_of;
use crate::rules::topolvm::webhook_off::published_capacities;

crate::rules::declare_rule! {
    static RULE = {
        name: "capacity-not-published",
        summary: "A driver promises to publish free capacity, and for nodes that have the driver there is none.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node, StorageClass, CSIDriver, CSINode, CSIStorageCapacity],
        reads: [Deployment, StatefulSet, DaemonSet],
        rejected_pods: true,
        stage: Cause,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    let unpublished = shortages(cx).into_iter().filter(|shortage| !shortage.unpublished.is_empty());
    for (driver, shortages) in by_key(unpublished.map(|shortage| (&shortage.class.provisioner, shortage))) {
        out.add(finding(cx, driver, &shortages));
    }
}

fn finding(cx: &Context<'_>, driver: &str, shortages: &[Shortage<'_, '_>]) -> Finding {
    let mut nodes: Vec<&str> = shortages.iter().flat_map(|shortage| shortage.unpublished.iter().copied()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let mut classes: Vec<&str> = shortages.iter().map(|shortage| shortage.class.metadata.name.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    let provisioner = provisioner_of(cx, driver);
    let stopped = provisioner.filter(Part::stopped);
    let nothing = match cx.presumes_none(Kind::CSIStorageCapacity) {
        true => format!("the dump has no CSIStorageCapacity at all, so none for class {}", names(&classes)),
        false => format!("no CSIStorageCapacity for class {} covers {}", names(&classes), named("node", &nodes)),
    };
    let promising = ObjectRef::new(Kind::CSIDriver, "", driver);
    let (object, title) = match &stopped {
        Some(part) => (
            part.object(),
            format!(
                "{} is scaled to zero, so driver {driver} publishes no free capacity and the scheduler takes its nodes for full",
                part.words()
            ),
        ),
        None => (
            promising.clone(),
            format!("{}, though driver {driver} promises to publish free capacity", capital(&nothing)),
        ),
    };
    let finding = RULE
        .finding(object, title)
        .evidence(
            promising,
            "spec.storageCapacity",
            "true",
            "the scheduler places a volume only where enough capacity is published",
        )
        .evidence(shortages[0].class_ref(), "", "no CSIStorageCapacity", nothing);
    let finding = with_provisioner(provisioner, with_nodes(driver, &nodes, finding));
    let mut finding = with_published(shortages, finding);
    for shortage in shortages {
        finding = finding.explains_all(shortage.group.objects()).explains_all(shortage.claims(cx));
    }
    finding.with_remedies(remedies(cx, driver, provisioner, stopped.is_some()))
}

fn with_nodes(driver: &str, nodes: &[&str], mut finding: Finding) -> Finding {
    for node in nodes.iter().take(3) {
        let node = ObjectRef::new(Kind::CSINode, "", node);
        finding = finding.evidence(node, "spec.drivers", driver, "the driver is registered on the node");
    }
    finding
}

/// The finding with what is published, though it is too little.
fn with_published(shortages: &[Shortage<'_, '_>], mut finding: Finding) -> Finding {
    for (node, object) in shortages.iter().flat_map(|shortage| &shortage.small).take(3) {
        let free = object.limit().map_or_else(|| "nothing".to_owned(), |limit| short_bytes(limit.value()));
        finding = finding.evidence(
            ObjectRef::new(Kind::CSIStorageCapacity, &object.metadata.namespace, &object.metadata.name),
            "capacity",
            free,
            format!("for node {node} something is published, but too little"),
        );
    }
    finding
}

fn with_provisioner(provisioner: Option<Part<'_>>, finding: Finding) -> Finding {
    let Some((part, workload)) = provisioner.and_then(|part| Some((part, part.workload?))) else { return finding };
    let note = match workload.replicas() {
        0 => "it runs the driver's csi-provisioner, which publishes capacity",
        _ => "it runs the driver's csi-provisioner; only one with --enable-capacity publishes, its log says what fails",
    };
    let value = format!("{} wanted, {} ready", workload.replicas(), workload.status.ready_replicas);
    finding.evidence(part.object(), "spec.replicas", value, note)
}

fn remedies(cx: &Context<'_>, driver: &str, provisioner: Option<Part<'_>>, stopped: bool) -> Vec<Remedy> {
    let Some(part) = provisioner.filter(|part| part.workload.is_some() && part.kind != Kind::DaemonSet) else {
        let told = format!("See that {driver}'s csi-provisioner runs with --enable-capacity and reaches the driver");
        let reason = "which workload runs the provisioner is not known";
        return vec![Remedy::untried("Have the provisioner publish", Risk::Low, vec![Step::told(told)], reason)];
    };
    let published = published_capacities(cx, driver);
    let verb = if stopped { "Start" } else { "Restart" };
    let known = !published.is_empty();
    let what = format!("{verb} {}", part.words());
    let step = if stopped {
        cx.scale(what, part.key(), 1)
    } else {
        let now = cx.options.now.map_or_else(|| "now".to_owned(), |now| now.to_string());
        let annotations = serde_json::json!({"kubectl.kubernetes.io/restartedAt": now});
        cx.patch(
            what,
            part.key(),
            serde_json::json!({"spec": {"template": {"metadata": {"annotations": annotations}}}}),
        )
    };
    let step = step.leading_to(published);
    let mut remedy = Remedy::new(format!("{verb} the provisioner"), Risk::Low, vec![step]);
    if !known {
        remedy.trial = Trial::Untried("what the provisioner would publish is not known".to_owned());
    }
    vec![remedy]
}
