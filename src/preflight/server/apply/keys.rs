//! How lists and maps of the built-in kinds are patched: the `patchStrategy` and `patchMergeKey` tags of their types.

use super::super::kinds::Resource;

/// How a field is patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// A map is merged, a list replaced.
    Usual,
    /// The elements of a list are merged by a key.
    ByKey(&'static str),
    /// As by key, and an element that changes keeps only the fields that it is given.
    ByKeyRetaining(&'static str),
    /// A list is a set of texts.
    Set,
    /// A map that changes keeps only the fields that it is given.
    Retaining,
    /// A map is replaced.
    Replaced,
}

/// The table of a kind: paths with their strategies. `*` stands for an element of a list.
pub(super) type Keys = &'static [(&'static [&'static str], Strategy)];

use Strategy::{ByKey, ByKeyRetaining, Replaced, Retaining, Set};

/// Fields of every object.
const METADATA: Keys = &[(&["metadata", "finalizers"], Set), (&["metadata", "ownerReferences"], ByKey("uid"))];

/// Fields of a pod's spec, below the spec.
const POD_SPEC: Keys = &[
    (&["containers"], ByKey("name")),
    (&["initContainers"], ByKey("name")),
    (&["ephemeralContainers"], ByKey("name")),
    (&["volumes"], ByKeyRetaining("name")),
    (&["resourceClaims"], ByKeyRetaining("name")),
    (&["imagePullSecrets"], ByKey("name")),
    (&["hostAliases"], ByKey("ip")),
    (&["topologySpreadConstraints"], ByKey("topologyKey")),
    (&["schedulingGates"], ByKey("name")),
];

/// Fields of a container, below it.
const CONTAINER: Keys = &[
    (&["ports"], ByKey("containerPort")),
    (&["env"], ByKey("name")),
    (&["volumeMounts"], ByKey("mountPath")),
    (&["volumeDevices"], ByKey("devicePath")),
];

const DEPLOYMENT: Keys = &[(&["spec", "strategy"], Retaining)];
const SERVICE: Keys = &[(&["spec", "ports"], ByKey("port"))];
const ACCOUNT: Keys = &[(&["secrets"], ByKey("name"))];
const BUDGET: Keys = &[(&["spec", "selector"], Replaced)];
const WEBHOOKS: Keys = &[(&["webhooks"], ByKey("name")), (&["webhooks", "*", "matchConditions"], ByKey("name"))];
const POLICY: Keys = &[(&["spec", "matchConditions"], ByKey("name")), (&["spec", "variables"], ByKey("name"))];
const CSI_NODE: Keys = &[(&["spec", "drivers"], ByKey("name"))];
const NODE: Keys = &[(&["spec", "podCIDRs"], Set)];

/// How the objects of a kind are patched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    own: Keys,
    /// Where a pod's spec stands.
    pod: Option<&'static [&'static str]>,
    /// Whether nothing is known of its lists: custom kinds are patched as JSON.
    custom: bool,
}

/// The table of a kind.
pub(super) fn of(resource: &Resource) -> Table {
    let table = |own, pod| Table { own, pod, custom: resource.custom };
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => table(&[], Some(&["spec"])),
        ("", "PodTemplate") => table(&[], Some(&["template", "spec"])),
        ("", "ReplicationController") => table(&[], Some(&["spec", "template", "spec"])),
        ("apps", "Deployment") => table(DEPLOYMENT, Some(&["spec", "template", "spec"])),
        ("apps", "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
            table(&[], Some(&["spec", "template", "spec"]))
        }
        ("batch", "CronJob") => table(&[], Some(&["spec", "jobTemplate", "spec", "template", "spec"])),
        ("", "Service") => table(SERVICE, None),
        ("", "ServiceAccount") => table(ACCOUNT, None),
        ("", "Node") => table(NODE, None),
        ("policy", "PodDisruptionBudget") => table(BUDGET, None),
        ("storage.k8s.io", "CSINode") => table(CSI_NODE, None),
        ("admissionregistration.k8s.io", kind) if kind.ends_with("WebhookConfiguration") => table(WEBHOOKS, None),
        ("admissionregistration.k8s.io", _) => table(POLICY, None),
        _ => table(&[], None),
    }
}

impl Table {
    /// How the field at a path is patched.
    pub(super) fn strategy(&self, path: &[&str]) -> Strategy {
        if self.custom {
            return Strategy::Usual;
        }
        let found =
            |keys: Keys, path: &[&str]| keys.iter().find(|(known, _)| *known == path).map(|(_, strategy)| *strategy);
        let in_pod = || {
            let rest = path.strip_prefix(self.pod?)?;
            let in_container = || match rest {
                ["containers" | "initContainers" | "ephemeralContainers", "*", rest @ ..] => found(CONTAINER, rest),
                _ => None,
            };
            found(POD_SPEC, rest).or_else(in_container)
        };
        found(METADATA, path).or_else(|| found(self.own, path)).or_else(in_pod).unwrap_or(Strategy::Usual)
    }
}
