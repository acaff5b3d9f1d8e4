//! What of volume, claim, pods and nodes a failure to mount is about.

use super::placed::{claim_of, node_of, node_ref};
use crate::diagnosis::context::{Context, PlacedCase, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{named, names};
use crate::model::pod::PodVolume;
use crate::model::volume::without_passwords;
use crate::model::{Claim, Kind, ObjectRef, Pod, Volume};

/// The label with a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";
/// How mount programs say that they don't take an option, or what an option asks for.
const OPTIONS: &[&str] = &[
    "mount option",
    "bad option",
    "Invalid argument",
    "invalid argument",
    "Protocol not supported",
    "unknown filesystem",
];
/// How mount programs say that they don't read what is on a disk.
const UNREADABLE: &[&str] = &["bad superblock", "wrong fs type", "duplicate UUID"];
/// How drivers say that another client has the volume.
const STILL_USED: &[&str] =
    &["still being used", "still in use", "is in use by", "already mounted or mount point busy"];
/// How servers and drivers say that credentials are wrong or missing.
const CREDENTIALS: &[&str] = &["error(13)", "Permission denied", "SecretRef", "secrets \""];
/// How mount programs say that they don't find the way to a server.
const NO_WAY: &[&str] = &["Failed to resolve", "mount target", "error(115)", "timed out", "No route to host"];

/// What stands behind a mount that fails.
#[derive(Default)]
pub(super) struct Behind {
    /// The likely cause, where the facts tell more than the words.
    pub(super) why: Option<String>,
    pub(super) facts: Vec<Evidence>,
    pub(super) remedy: Option<Remedy>,
}

/// What the words point to.
pub(super) fn behind(cx: &Context<'_>, case: &PlacedCase<'_>, volume: Option<&str>, words: &str) -> Behind {
    let says = |known: &[&str]| known.iter().any(|one| words.contains(one));
    let found = volume.and_then(|volume| cx.snapshot.volumes.get("", volume).found()).map(|found| &**found);
    let claim = volume.and_then(|volume| claim_of(cx, case, volume));
    if says(UNREADABLE)
        && let Some(behind) = found.zip(claim).and_then(|(found, claim)| clone_beside(cx, case, found, claim))
    {
        return behind;
    }
    let mut facts = Vec::new();
    let mut remedy = None;
    if says(&["conflicting SELinux labels"]) {
        facts.extend(others_here(cx, case));
    }
    if let (Some(found), Some(claim)) = (found, claim) {
        if says(OPTIONS) && !found.spec.mount_options.is_empty() {
            facts.extend(option_facts(cx, found));
            remedy = options_of_class(cx, case, found);
        }
        if says(&["hostPath type check", "\" does not exist"]) {
            facts.extend(path_facts(case, found));
        }
        if says(&["read-only", "write access", "write-protected"]) {
            facts.extend(read_only_fact(case, claim));
        }
        if says(CREDENTIALS) {
            facts.extend(secret_facts(found));
        }
        if says(NO_WAY) {
            facts.extend(mounted_in_zones(cx, case, claim));
        }
    }
    if says(STILL_USED) {
        facts.extend(lost_nodes(cx, case));
    }
    let remedy = remedy.or_else(|| mount_remedy(cx, case, found.zip(claim), words));
    Behind { why: None, facts, remedy }
}

/// What takes the cause away, as far as the words tell it.
fn mount_remedy(
    cx: &Context<'_>,
    case: &PlacedCase<'_>,
    volume: Option<(&Volume, &Claim)>,
    words: &str,
) -> Option<Remedy> {
    let says = |known: &[&str]| known.iter().any(|one| words.contains(one));
    let node = &case.verdict.node;
    let path = volume.and_then(|(volume, _)| volume.spec.local.as_ref().or(volume.spec.host_path.as_ref()));
    let (title, risk, what) = if says(&["you might need a /sbin/mount."]) {
        let what = format!(
            "On node {node}, and on every other that such pods may run on, install the package with the mount program: \
             nfs-common or nfs-utils for NFS, cifs-utils for SMB"
        );
        ("Install the mount program", Risk::Low, what)
    } else if says(&["conflicting SELinux labels"]) {
        let what = "Give the pods that share the volume the same securityContext.seLinuxOptions.level, or set \
                    seLinuxChangePolicy: Recursive for them";
        ("Give the pods one label", Risk::Medium, what.to_owned())
    } else if says(STILL_USED) {
        let what = "Make sure that no other machine has the volume (shut a lost one down), or fence its client off at the \
                    storage, as with ceph osd blocklist add or a NetworkFence";
        ("Free the volume of its old client", Risk::High, what.to_owned())
    } else if says(UNREADABLE) {
        let what = format!(
            "On node {node}, read what the kernel says (dmesg), and whether multipathd holds the device (multipath -ll); \
             repair the file system (fsck, xfs_repair) only with a snapshot at hand"
        );
        ("Look at the disk", Risk::High, what)
    } else if let Some(path) = path.filter(|_| says(&["hostPath type check", "\" does not exist"])) {
        let what = format!(
            "Create directory {} on node {node}, or have the pod run on the node that has it (spec.nodeAffinity of the volume)",
            path.path
        );
        ("Have the directory where the pod is", Risk::Low, what)
    } else if says(&["read-only", "write access"]) {
        return volume.and_then(|(_, claim)| mount_read_only(cx, case, claim));
    } else {
        return None;
    };
    let reason = "what is on the node can't be seen from here";
    Some(Remedy::untried(title, risk, vec![Step::told(what)], reason))
}

/// Has the pods of a workload mount a claim for reading.
fn mount_read_only(cx: &Context<'_>, case: &PlacedCase<'_>, claim: &Claim) -> Option<Remedy> {
    read_only_fact(case, claim)?;
    let (kind, meta) = cx.workload(case.pod)?;
    let template = cx.template(case.pod)?;
    let name = Some(claim.metadata.name.as_str());
    let of_claim =
        |volume: &PodVolume| volume.persistent_volume_claim.as_ref().map(|it| it.claim_name.as_str()) == name;
    let position = template.spec.volumes.iter().position(of_claim)?;
    if !matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::ReplicaSet) {
        return None;
    }
    let path = format!("/spec/template/spec/volumes/{position}/persistentVolumeClaim/readOnly");
    let operations = serde_json::json!([{"op": "add", "path": path, "value": true}]);
    let change = Change::JsonPatch { kind, namespace: meta.namespace.clone(), name: meta.name.clone(), operations };
    let step = cx
        .step(format!("Have the pods of {kind} {} mount claim {} for reading", meta.name, claim.metadata.name), change);
    let reason = "whether the file system can be mounted for reading is not known";
    Some(Remedy::untried("Mount the claim for reading", Risk::Medium, vec![step], reason))
}

fn volume_ref(volume: &Volume) -> ObjectRef {
    ObjectRef::new(Kind::PersistentVolume, "", &volume.metadata.name)
}

/// A file system that was copied with its identity, whose original is mounted on the same node: XFS refuses the second.
fn clone_beside(cx: &Context<'_>, case: &PlacedCase<'_>, volume: &Volume, claim: &Claim) -> Option<Behind> {
    let csi = volume.spec.csi.as_ref().filter(|csi| csi.fs_type == "xfs")?;
    let (origin, pod) = origins(cx, claim).into_iter().find_map(|origin| {
        let here = |pod: &&&Pod| pod.spec.node_name == case.verdict.node && pod.volumes_mounted();
        Some((origin, *cx.users_of(origin).iter().find(here)?))
    })?;
    let (name, node) = (&origin.metadata.name, &case.verdict.node);
    let why = format!(
        "it was copied from claim {name} or with it, which pod {} has mounted on the same node, and XFS mounts no second file \
         system with the same UUID beside the first: the clone is not damaged",
        pod.metadata.name
    );
    let source = claim.spec.data_source_ref.as_ref().or(claim.spec.data_source.as_ref());
    let source = source.map_or_else(String::new, |source| format!("{} {}", source.kind, source.name));
    let facts = vec![
        Context::fact(volume_ref(volume), "spec.csi.fsType", csi.fs_type.clone(), "its file systems have a UUID each"),
        Context::fact(
            crate::diagnosis::context::claim_ref(claim),
            "spec.dataSource",
            source,
            "a copy has the UUID of its source",
        ),
        Context::fact(pod_ref(pod), "spec.nodeName", node.clone(), format!("it has claim {name} mounted there")),
    ];
    let mut options = volume.spec.mount_options.clone();
    if has_password(&options) {
        return Some(Behind { why: Some(why), facts, remedy: None });
    }
    options.push("nouuid".to_owned());
    let steps = vec![
        cx.patch(
            "Have the volume mounted without regard to the UUID",
            (Kind::PersistentVolume, "", &volume.metadata.name),
            serde_json::json!({"spec": {"mountOptions": options}}),
        ),
        cx.step("Delete the pod, so that the kubelet reads the volume anew", recreate(case.pod)),
        Step::told(format!("Or have the pod run on another node than pod {}", pod.metadata.name)),
    ];
    let reason = "what the kubelet does then is not known";
    let remedy = Remedy::untried("Mount the clone beside its source", Risk::Medium, steps, reason);
    Some(Behind { why: Some(why), facts, remedy: Some(remedy) })
}

/// The claims that have the same file system: the source of a claim, and others that were made from the same one.
fn origins<'a>(cx: &Context<'a>, claim: &Claim) -> Vec<&'a Claim> {
    let source_of = |claim: &Claim| claim.spec.data_source_ref.clone().or(claim.spec.data_source.clone());
    let Some(source) = source_of(claim) else { return Vec::new() };
    let namespace = &claim.metadata.namespace;
    let all = cx.snapshot.claims.in_namespace(namespace).iter().map(|claim| &**claim);
    let same = |other: &&Claim| {
        other.metadata.name != claim.metadata.name
            && (source.kind == "PersistentVolumeClaim" && other.metadata.name == source.name
                || source_of(other).as_ref() == Some(&source))
    };
    all.filter(same).collect()
}

fn recreate(pod: &Pod) -> Change {
    Change::RecreatePods { namespace: pod.metadata.namespace.clone(), names: vec![pod.metadata.name.clone()] }
}

/// Other pods on the node with a claim of the pod.
fn others_here(cx: &Context<'_>, case: &PlacedCase<'_>) -> Vec<Evidence> {
    let claims = cx.claims_of(case.pod).into_iter().filter_map(|(_, claim)| claim.found());
    let others = claims.flat_map(|claim| {
        let here = |pod: &&Pod| pod.spec.node_name == case.verdict.node && pod.metadata.name != case.pod.metadata.name;
        let users = cx.users_of(claim).into_iter().filter(here);
        users.map(|pod| (claim.metadata.name.clone(), pod)).collect::<Vec<_>>()
    });
    let fact = |(claim, pod): (String, &Pod)| {
        let note = format!("pod {} has claim {claim} there, with another label", pod.metadata.name);
        Context::fact(pod_ref(pod), "spec.nodeName", pod.spec.node_name.clone(), note)
    };
    others.map(fact).take(3).collect()
}

/// The volume's mount options, and those of its class where they differ now.
fn option_facts(cx: &Context<'_>, volume: &Volume) -> Vec<Evidence> {
    let own = volume.spec.mount_options.join(", ");
    let note = "the volume has them from the time when it was made";
    let mut facts = vec![Context::fact(volume_ref(volume), "spec.mountOptions", own, note)];
    if let Some(class) = cx.snapshot.classes.get("", volume.class()).found()
        && class.mount_options != volume.spec.mount_options
    {
        let options: Vec<String> = class.mount_options.iter().map(|option| without_passwords(option)).collect();
        let value = if options.is_empty() { "none".to_owned() } else { options.join(", ") };
        let note = "what the class has now; volumes that exist keep theirs";
        let object = ObjectRef::new(Kind::StorageClass, "", &class.metadata.name);
        facts.push(Context::fact(object, "mountOptions", value, note));
    }
    facts
}

/// Whether the options have a password, which no command may carry.
fn has_password(options: &[String]) -> bool {
    options.iter().any(|option| option.to_ascii_lowercase().contains("pass"))
}

/// Gives the volume the options that its class has now.
fn options_of_class(cx: &Context<'_>, case: &PlacedCase<'_>, volume: &Volume) -> Option<Remedy> {
    let class = cx.snapshot.classes.get("", volume.class()).found()?;
    let options = &class.mount_options;
    if *options == volume.spec.mount_options || has_password(options) {
        return None;
    }
    let value = if options.is_empty() { serde_json::Value::Null } else { serde_json::json!(options) };
    let steps = vec![
        cx.patch(
            format!(
                "Give volume {} the mount options that class {} has now",
                volume.metadata.name, class.metadata.name
            ),
            (Kind::PersistentVolume, "", &volume.metadata.name),
            serde_json::json!({"spec": {"mountOptions": value}}),
        ),
        cx.step("Delete the pod, so that the kubelet reads the volume anew", recreate(case.pod)),
    ];
    let reason = "which options the server takes is not known";
    Some(Remedy::untried("Correct the volume's mount options", Risk::Medium, steps, reason))
}

/// The directory of a volume on its node.
fn path_facts(case: &PlacedCase<'_>, volume: &Volume) -> Vec<Evidence> {
    let node = &case.verdict.node;
    let (field, path) = match (&volume.spec.local, &volume.spec.host_path) {
        (Some(local), _) => ("local", &local.path),
        (None, Some(host)) => ("hostPath", &host.path),
        (None, None) => return Vec::new(),
    };
    let note = format!(
        "the directory must be on node {node} before the pod starts; a kubelet that runs in a container sees only what is \
         mounted into it"
    );
    let mut facts = vec![Context::fact(volume_ref(volume), &format!("spec.{field}.path"), path.clone(), note)];
    if volume.required_node_affinity().is_none() {
        let note = "nothing keeps the volume's pods on the node that has the directory";
        facts.push(Context::fact(volume_ref(volume), "spec.nodeAffinity", "no node affinity", note));
    }
    facts
}

/// A claim for reading that the pod has mounted for writing.
fn read_only_fact(case: &PlacedCase<'_>, claim: &Claim) -> Option<Evidence> {
    if claim.spec.access_modes != ["ReadOnlyMany"] {
        return None;
    }
    let source = case.pod.spec.volumes.iter().find(|volume| {
        volume.claim_name(&case.pod.metadata.name).as_deref() == Some(&claim.metadata.name)
            && volume.persistent_volume_claim.as_ref().is_some_and(|source| !source.read_only)
    })?;
    let path = format!("spec.volumes[{}].persistentVolumeClaim.readOnly", source.name);
    let note = format!(
        "claim {} is ReadOnlyMany, so its disk is attached for reading, and the pod asks for a mount to write: set readOnly: \
         true here",
        claim.metadata.name
    );
    Some(Context::fact(pod_ref(case.pod), &path, "false", note))
}

/// The secrets that the volume names.
fn secret_facts(volume: &Volume) -> Vec<Evidence> {
    let Some(csi) = &volume.spec.csi else { return Vec::new() };
    let named =
        [("nodeStageSecretRef", &csi.node_stage_secret_ref), ("nodePublishSecretRef", &csi.node_publish_secret_ref)];
    let fact = |(field, secret): (&str, &Option<crate::model::volume::SecretReference>)| {
        let secret = secret.as_ref()?;
        let value = format!("{}/{}", secret.namespace, secret.name);
        let note = "the volume takes its credentials from this secret; secrets are not read here";
        Some(Context::fact(volume_ref(volume), &format!("spec.csi.{field}"), value, note))
    };
    named.into_iter().filter_map(fact).collect()
}

/// Zones in which pods have the claim's volume mounted, where the pod's node is in none of them.
fn mounted_in_zones(cx: &Context<'_>, case: &PlacedCase<'_>, claim: &Claim) -> Option<Evidence> {
    let zone_of = |node: &str| cx.snapshot.nodes.get("", node).found()?.metadata.labels.get(ZONE).map(String::as_str);
    let own = zone_of(&case.verdict.node)?;
    let mounted = cx.users_of(claim).into_iter().filter(|pod| pod.assigned() && pod.volumes_mounted());
    let mut elsewhere: Vec<(&str, &str)> =
        mounted.filter_map(|pod| Some((zone_of(&pod.spec.node_name)?, pod.metadata.name.as_str()))).collect();
    elsewhere.sort_unstable();
    if elsewhere.is_empty() || elsewhere.iter().any(|(zone, _)| *zone == own) {
        return None;
    }
    let pods: Vec<&str> = elsewhere.iter().map(|(_, pod)| *pod).collect();
    let mut zones: Vec<&str> = elsewhere.iter().map(|(zone, _)| *zone).collect();
    zones.dedup();
    let note = format!(
        "{} {} the volume mounted in {}: if it works there, the way to it from this zone is missing, such as a mount target",
        named("pod", &pods),
        if pods.len() == 1 { "has" } else { "have" },
        names(&zones)
    );
    Some(Context::fact(node_ref(&case.verdict.node), &format!("metadata.labels[{ZONE}]"), own, note))
}

/// Other nodes that don't answer: one of them may still have the volume.
fn lost_nodes(cx: &Context<'_>, case: &PlacedCase<'_>) -> Vec<Evidence> {
    let own = node_of(cx, case).map(|node| node.metadata.name.as_str());
    let nodes = cx.snapshot.nodes.seen().iter();
    let lost = nodes.filter(|node| node.ready() == Some(false) && Some(node.metadata.name.as_str()) != own);
    let fact = |node: &crate::model::Node| {
        let name = &node.metadata.name;
        let note = format!(
            "node {name} does not answer and may still hold the volume: make sure that its machine is off, or fence its client \
             off at the storage"
        );
        Context::fact(node_ref(name), "status.conditions[Ready]", "not True", note)
    };
    lost.take(3).map(|node| fact(node)).collect()
}
