//! From workloads to the pods and claims that their controllers make
//! (`pkg/controller/statefulset/stateful_set_utils.go` and the defaults that the API server gives).

use crate::model::meta::{Meta, OwnerReference};
use crate::model::pod::{ClaimSource, PodSpec, PodTemplate, PodVolume, Toleration};
use crate::model::{Claim, Kind, Pod, Workload};
use crate::snapshot::{Lookup, Snapshot};

/// A pod template with the object that holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) kind: Kind,
    pub(crate) meta: &'a Meta,
    pub(crate) spec: &'a PodSpec,
    pub(crate) template: &'a PodTemplate,
}

/// The template that a pod was made from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Template<'a> {
    Found(Source<'a>),
    /// Nothing made the pod, or something other than a workload that is known here.
    NoController,
    /// The owner, named here, could not be read or is gone.
    Unknown(&'static str),
}

impl<'a> Template<'a> {
    /// The template, where it is known.
    pub(crate) fn found(self) -> Option<Source<'a>> {
        match self {
            Template::Found(source) => Some(source),
            Template::NoController | Template::Unknown(_) => None,
        }
    }
}

/// The template of the pod's controller.
pub(crate) fn template_of<'a>(snapshot: &'a Snapshot, pod: &Pod) -> Template<'a> {
    let Some(owner) = pod.metadata.controller() else { return Template::NoController };
    let namespace = &pod.metadata.namespace;
    let workload = |lookup: Lookup<'a, Workload>, kind: Kind, what: &'static str| match lookup {
        Lookup::Found(workload) => Template::Found(Source {
            kind,
            meta: &workload.metadata,
            spec: &workload.spec.template.spec,
            template: &workload.spec.template,
        }),
        Lookup::Absent | Lookup::Unknown => Template::Unknown(what),
    };
    match owner.kind.as_str() {
        "StatefulSet" => {
            workload(snapshot.stateful_sets.get(namespace, &owner.name), Kind::StatefulSet, "the pod's StatefulSet")
        }
        "ReplicaSet" => {
            workload(snapshot.replica_sets.get(namespace, &owner.name), Kind::ReplicaSet, "the pod's ReplicaSet")
        }
        "DaemonSet" => {
            workload(snapshot.daemon_sets.get(namespace, &owner.name), Kind::DaemonSet, "the pod's DaemonSet")
        }
        "Job" => match snapshot.jobs.get(namespace, &owner.name) {
            Lookup::Found(job) => Template::Found(Source {
                kind: Kind::Job,
                meta: &job.metadata,
                spec: &job.spec.template.spec,
                template: &job.spec.template,
            }),
            Lookup::Absent | Lookup::Unknown => Template::Unknown("the pod's Job"),
        },
        _ => Template::NoController,
    }
}

/// The ordinals that a StatefulSet wants, in order.
pub(crate) fn ordinals(set: &Workload) -> impl Iterator<Item = i32> + use<> {
    let first = set.first_ordinal();
    first..first.saturating_add(set.replicas().max(0))
}

/// The name of a StatefulSet's pod.
pub(crate) fn pod_name(set: &Workload, ordinal: i32) -> String {
    format!("{}-{ordinal}", set.metadata.name)
}

/// The ordinal of a StatefulSet's pod, where the name is one of the set's.
pub(crate) fn ordinal_of(set: &str, pod: &str) -> Option<i32> {
    pod.strip_prefix(set)?.strip_prefix('-')?.parse().ok()
}

/// A pod that a StatefulSet makes.
pub(crate) fn stateful_set_pod(snapshot: &Snapshot, set: &Workload, ordinal: i32) -> Pod {
    let name = pod_name(set, ordinal);
    let mut pod = pod_of(snapshot, Kind::StatefulSet, &set.metadata, &set.spec.template, &name);
    pod.metadata.labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name.clone());
    pod.metadata.labels.insert("apps.kubernetes.io/pod-index".to_owned(), ordinal.to_string());
    let claims = set.spec.volume_claim_templates.iter().map(|template| PodVolume {
        name: template.metadata.name.clone(),
        persistent_volume_claim: Some(ClaimSource {
            claim_name: format!("{}-{name}", template.metadata.name),
            read_only: false,
        }),
        ..PodVolume::default()
    });
    let claims: Vec<PodVolume> = claims.collect();
    pod.spec.volumes.retain(|volume| !claims.iter().any(|claim| claim.name == volume.name));
    pod.spec.volumes.extend(claims);
    pod
}

/// The claims that a StatefulSet makes for one of its pods, be they there already or not.
pub(crate) fn stateful_set_claims(set: &Workload, ordinal: i32) -> Vec<Claim> {
    let selector = set.spec.selector.as_ref().map(|selector| &selector.match_labels);
    let make = |template: &crate::model::pod::ClaimTemplate| {
        let mut labels = template.metadata.labels.clone();
        labels.extend(selector.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        let mut claim = Claim::default();
        claim.metadata.name = format!("{}-{}", template.metadata.name, pod_name(set, ordinal));
        claim.metadata.namespace = set.metadata.namespace.clone();
        claim.metadata.annotations = template.metadata.annotations.clone();
        claim.metadata.labels = labels;
        claim.spec = template.spec.clone();
        claim.status.phase = "Pending".to_owned();
        claim
    };
    set.spec.volume_claim_templates.iter().map(make).collect()
}

/// The claims of a pod's ephemeral volumes (`pkg/controller/volume/ephemeral`, handleVolume).
pub(crate) fn ephemeral_claims(pod: &Pod) -> Vec<Claim> {
    let make = |volume: &PodVolume| {
        let template = volume.ephemeral.as_ref()?.volume_claim_template.as_ref()?;
        let mut claim = Claim::default();
        claim.metadata.name = volume.claim_name(&pod.metadata.name)?;
        claim.metadata.namespace = pod.metadata.namespace.clone();
        claim.metadata.annotations = template.metadata.annotations.clone();
        claim.metadata.labels = template.metadata.labels.clone();
        claim.metadata.owner_references = vec![OwnerReference {
            kind: Kind::Pod.name().to_owned(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            controller: true,
            ..OwnerReference::default()
        }];
        claim.spec = template.spec.clone();
        claim.status.phase = "Pending".to_owned();
        Some(claim)
    };
    pod.spec.volumes.iter().filter_map(make).collect()
}

/// The StatefulSet that makes a claim of this name for its pod, with the place of the claim's template and the claim as
/// the set makes it.
pub(crate) fn claim_maker<'a>(snapshot: &'a Snapshot, pod: &Pod, claim: &str) -> Option<(&'a Workload, usize, Claim)> {
    let owner = pod.metadata.controller().filter(|owner| owner.kind == "StatefulSet")?;
    let set = snapshot.stateful_sets.get(&pod.metadata.namespace, &owner.name).found()?;
    let claims = stateful_set_claims(set, ordinal_of(&owner.name, &pod.metadata.name)?);
    let (place, made) = claims.into_iter().enumerate().find(|(_, made)| made.metadata.name == claim)?;
    Some((set, place, made))
}

/// A pod that a workload makes from its template.
pub(crate) fn pod_of(snapshot: &Snapshot, kind: Kind, owner: &Meta, template: &PodTemplate, name: &str) -> Pod {
    let mut pod = Pod { spec: template.spec.clone(), ..Pod::default() };
    pod.metadata.name = name.to_owned();
    pod.metadata.namespace = owner.namespace.clone();
    pod.metadata.labels = template.metadata.labels.clone();
    pod.metadata.annotations = template.metadata.annotations.clone();
    pod.metadata.owner_references = vec![OwnerReference {
        kind: kind.name().to_owned(),
        name: owner.name.clone(),
        uid: owner.uid.clone(),
        controller: true,
        ..OwnerReference::default()
    }];
    pod.status.phase = "Pending".to_owned();
    default_requests(&mut pod.spec);
    default_tolerations(&mut pod.spec);
    default_priority(snapshot, &mut pod.spec);
    pod
}

/// What a container has a limit for and does not ask for, its pod asks for in full; templates are left as they are
/// (`pkg/apis/core/v1/defaults.go`, SetDefaults_Pod).
pub(crate) fn default_requests(spec: &mut PodSpec) {
    for container in spec.containers.iter_mut().chain(&mut spec.init_containers) {
        let resources = &mut container.resources;
        for (name, limit) in &resources.limits {
            resources.requests.entry(name.clone()).or_insert_with(|| limit.clone());
        }
    }
}

/// `DefaultTolerationSeconds`: every pod tolerates nodes that are not ready or unreachable for five minutes.
fn default_tolerations(spec: &mut PodSpec) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covered = spec.tolerations.iter().any(|toleration| {
            (toleration.key == key || toleration.key.is_empty())
                && (toleration.effect == "NoExecute" || toleration.effect.is_empty())
        });
        if !covered {
            spec.tolerations.push(Toleration {
                key: key.to_owned(),
                operator: "Exists".to_owned(),
                effect: "NoExecute".to_owned(),
                toleration_seconds: Some(300),
                ..Toleration::default()
            });
        }
    }
}

/// The `Priority` admission plugin.
fn default_priority(snapshot: &Snapshot, spec: &mut PodSpec) {
    if spec.priority.is_some() {
        return;
    }
    let classes = snapshot.priority_classes.seen();
    let class = match spec.priority_class_name.as_str() {
        "" => classes.iter().find(|class| class.global_default),
        name => classes.iter().find(|class| class.metadata.name == name),
    };
    spec.priority = Some(class.map_or(0, |class| class.value));
    if spec.preemption_policy.is_none() {
        spec.preemption_policy = class.and_then(|class| class.preemption_policy.clone());
    }
}
