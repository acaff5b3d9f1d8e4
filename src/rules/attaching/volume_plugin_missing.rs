use super::placed::{event_fact, failing, node_ref, unread, volumes_of, wait_fact};
use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::{Kind, ObjectRef};
use crate::volumes::MountFailure;

crate::rules::declare_rule! {
    static RULE = {
        name: "volume-plugin-missing",
        summary: "The kubelet has no plugin for a volume: a FlexVolume driver it does not find, or one that is gone.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim, PersistentVolume, Event, DaemonSet],
        stage: Obstacle,
        check: check,
    }
}

/// Seconds after which a pod with a FlexVolume that only waits probably waits for the plugin.
const PATIENCE: i64 = 300;
/// Where kubelets look for FlexVolume drivers unless they are told otherwise (`--volume-plugin-dir`).
const DEFAULT_FOLDER: &str = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec";
/// How the folders of FlexVolume drivers end or are called.
const FOLDERS: &[&str] = &["volume/exec", "volume-plugins", "volumeplugins", "flexvolume"];

/// A FlexVolume of a pod.
struct Flex {
    object: ObjectRef,
    volume: String,
    driver: String,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    out.skip(unread(cx, &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::Event]));
    let told = failing(cx, out, |failure| *failure == MountFailure::NoPlugin);
    let told: Vec<&PlacedCase<'_>> = told.into_iter().map(|(case, _)| case).collect();
    for case in &cx.placed {
        let proven = told.iter().any(|it| std::ptr::eq(*it, case));
        let flex = flex_volumes(cx, case).into_iter().next();
        let silent = case.verdict.problems.is_empty() && case.verdict.telling_events().next().is_none();
        let waits = silent && case.waited_longer_than(PATIENCE) && !out.explained(&pod_ref(case.pod));
        if proven || waits && flex.is_some() {
            out.add(finding(cx, case, flex, proven));
        }
    }
}

fn flex_volumes(cx: &Context<'_>, case: &PlacedCase<'_>) -> Vec<Flex> {
    let of_claims = volumes_of(cx, case).into_iter().filter_map(|(claim, volume)| {
        let driver = volume.spec.flex_volume.as_ref()?.driver.clone();
        let name = &volume.metadata.name;
        let object = ObjectRef::new(Kind::PersistentVolume, "", name);
        Some(Flex { object, volume: format!("volume {name} of claim {}", claim.metadata.name), driver })
    });
    let inline = case.pod.spec.volumes.iter().filter_map(|volume| {
        let driver = volume.flex_volume.as_ref()?.driver.clone();
        Some(Flex { object: pod_ref(case.pod), volume: format!("volume {}", volume.name), driver })
    });
    of_claims.chain(inline).collect()
}

fn finding(cx: &Context<'_>, case: &PlacedCase<'_>, flex: Option<Flex>, proven: bool) -> Finding {
    let (pod, node) = (&case.pod.metadata.name, &case.verdict.node);
    let Some(flex) = flex else { return without_flex(case) };
    let title = format!(
        "The kubelet of node {node} does not find FlexVolume driver {}, which {} of pod {pod} needs",
        flex.driver, flex.volume
    );
    let mut finding = RULE.finding(pod_ref(case.pod), title).evidence(
        flex.object.clone(),
        "spec.flexVolume.driver",
        flex.driver.clone(),
        "the kubelet runs this driver from its plugin folder",
    );
    finding.evidence.extend(installers(cx));
    finding.evidence.push(Context::fact(
        node_ref(node),
        "",
        format!("kubelet --volume-plugin-dir, {DEFAULT_FOLDER} by default"),
        "the folder in which the kubelet looks must be the one into which the driver is put; kubespray and others set another",
    ));
    finding.evidence.extend(case.verdict.events.iter().take(1).map(|event| event_fact(case, event)));
    finding.evidence.push(wait_fact(case));
    let finding = if proven { finding } else { finding.likely() };
    let steps = vec![
        Step::told(format!(
            "On node {node}, look for the driver in the kubelet's plugin folder, and for its --volume-plugin-dir"
        )),
        Step::told(
            "Have the driver put into that folder (the agent's setting, such as FLEXVOLUME_DIR_PATH), and restart the kubelet if it does not see it",
        ),
    ];
    let reason = "the kubelet's flags can't be seen from here";
    finding.explains(pod_ref(case.pod)).remedy(Remedy::untried(
        "Bring the driver to where the kubelet looks",
        Risk::Medium,
        steps,
        reason,
    ))
}

/// DaemonSets that put drivers into a plugin folder of the nodes.
fn installers(cx: &Context<'_>) -> Vec<Evidence> {
    let sets = cx.snapshot.daemon_sets.seen().iter();
    let facts = sets.filter_map(|set| {
        let mut paths = set.spec.template.spec.volumes.iter().filter_map(|volume| volume.host_path.as_ref());
        let path = paths.find(|host| FOLDERS.iter().any(|folder| host.path.trim_end_matches('/').contains(folder)))?;
        let object = ObjectRef::new(Kind::DaemonSet, &set.metadata.namespace, &set.metadata.name);
        let note = "it puts FlexVolume drivers into this folder of the node";
        Some(Context::fact(object, "spec.template.spec.volumes[].hostPath", path.path.clone(), note))
    });
    facts.take(2).collect()
}

/// A volume of a kind that the kubelet no longer knows.
fn without_flex(case: &PlacedCase<'_>) -> Finding {
    let (pod, node) = (&case.pod.metadata.name, &case.verdict.node);
    let title = format!(
        "The kubelet of node {node} has no plugin for a volume of pod {pod}: its kind was taken out of Kubernetes"
    );
    let mut finding = RULE.finding(pod_ref(case.pod), title);
    let event = case.verdict.events.iter().find(|event| event.failure == MountFailure::NoPlugin);
    finding.evidence.extend(event.map(|event| event_fact(case, event)));
    finding.evidence.push(wait_fact(case));
    let told = Step::told(
        "Move the data to a volume of a CSI driver; the kubelet's release decides which in-tree kinds are left",
    );
    finding.explains(pod_ref(case.pod)).remedy(Remedy::untried(
        "Replace the volume",
        Risk::Medium,
        vec![told],
        "where the data can be reached is not known",
    ))
}
