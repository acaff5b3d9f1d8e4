mod elsewhere;
mod silence;

use self::elsewhere::published_elsewhere;
use self::silence::silence;
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
use crate::rules::provisioning::runner::{Health, Runner, provisioner_of, runner};
use crate::rules::topolvm::capacity::agent_facts;
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
    let runner = runner(cx, driver);
    let unready = runner.as_ref().filter(|runner| runner.health(cx) == Health::Unready);
    let nothing = match cx.presumes_none(Kind::CSIStorageCapacity) {
        true => format!("the dump has no CSIStorageCapacity at all, so none for class {}", names(&classes)),
        false => format!("no CSIStorageCapacity for class {} covers {}", names(&classes), named("node", &nodes)),
    };
    let silence = provisioner.filter(|part| !part.stopped()).and_then(|part| silence(cx, &part));
    let unready = unready.filter(|_| silence.is_none());
    let elsewhere = published_elsewhere(cx, shortages);
    let no_capacity =
        format!("so driver {driver} publishes no free capacity and the scheduler takes its nodes for full");
    let title = match (&stopped, &silence, &elsewhere) {
        (Some(part), ..) => format!("{} is scaled to zero, {no_capacity}", part.words()),
        (None, Some(silence), _) => format!("{}, {no_capacity}", silence.text),
        (None, None, _) if unready.is_some() => format!(
            "{} has no ready pod, so driver {driver} publishes no free capacity and the scheduler takes {} for full",
            provisioner.map_or_else(String::new, |part| part.words()),
            named("node", &nodes)
        ),
        (None, None, Some(elsewhere)) => format!("{}: {}", capital(&nothing), elsewhere.text),
        (None, None, None) => {
            format!("{}, though driver {driver} promises to publish free capacity", capital(&nothing))
        }
    };
    let object = match (&stopped, &silence, &provisioner) {
        (Some(part), ..) | (None, Some(_), Some(part)) => part.object(),
        (None, None, Some(part)) if unready.is_some() => part.object(),
        _ => ObjectRef::new(Kind::CSIDriver, "", driver),
    };
    let mut finding = RULE
        .finding(object, title)
        .evidence(
            ObjectRef::new(Kind::CSIDriver, "", driver),
            "spec.storageCapacity",
            "true",
            "the scheduler places a volume only where enough capacity is published",
        )
        .evidence(shortages[0].class_ref(), "", "no CSIStorageCapacity", nothing);
    finding.evidence.extend(elsewhere.into_iter().flat_map(|it| it.facts));
    let told = silence.and_then(|silence| {
        finding.evidence.extend(silence.facts);
        finding.rests_on.extend(silence.pods);
        silence.remedy
    });
    for node in nodes.iter().take(3) {
        finding = finding.evidence(
            ObjectRef::new(Kind::CSINode, "", node),
            "spec.drivers",
            driver,
            "the driver is registered on the node",
        );
    }
    let found = nodes.iter().filter_map(|node| cx.snapshot.nodes.get("", node).found());
    finding.evidence.extend(agent_facts(shortages[0].class, found.map(|node| &**node)));
    finding = with_provisioner(provisioner, finding);
    if let Some(runner) = unready {
        finding = runner.with_unready(finding).rests_on([runner.object()]);
    }
    for (node, object) in shortages.iter().flat_map(|shortage| &shortage.small).take(3) {
        let free = object.limit().map_or_else(|| "nothing".to_owned(), |limit| short_bytes(limit.value()));
        finding = finding.evidence(
            ObjectRef::new(Kind::CSIStorageCapacity, &object.metadata.namespace, &object.metadata.name),
            "capacity",
            free,
            format!("for node {node} something is published, but too little"),
        );
    }
    let finding = with_victims(cx, shortages, finding);
    match (told, unready) {
        (Some(told), _) => finding.remedy(told),
        (None, Some(runner)) => finding.remedy(get_to_run(runner)),
        (None, None) => finding.with_remedies(remedies(cx, driver, provisioner, stopped.is_some())),
    }
}

fn with_victims(cx: &Context<'_>, shortages: &[Shortage<'_, '_>], mut finding: Finding) -> Finding {
    for shortage in shortages {
        finding = finding.explains_all(shortage.group.objects()).explains_all(shortage.claims(cx));
    }
    finding
}

fn get_to_run(runner: &Runner<'_>) -> Remedy {
    let look = format!("See why {} has no ready pod", runner.part.words());
    let reason = "what the provisioner would publish is not known";
    Remedy::untried("Get the provisioner to run", Risk::Low, vec![Step::told(look), runner.look()], reason)
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
