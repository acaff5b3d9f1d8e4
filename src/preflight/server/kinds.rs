//! The kinds that API servers serve, with the releases in which their versions are served.

use serde_json::Value;

use super::super::world::World;
use super::json::{list, text, truth};
use crate::model::version::Version;

/// A minor release of 1.x.
type Minor = u32;

/// Served in every release that is known.
const ALWAYS: Minor = 0;
/// Not removed so far.
const NEVER: Minor = Minor::MAX;

/// A built-in kind in one version of its group.
struct BuiltIn {
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    group: &'static str,
    version: &'static str,
    /// The first release that serves it by default.
    since: Minor,
    /// The first release that doesn't any more.
    until: Minor,
}

macro_rules! built_in {
    ($($group:literal $version:literal $since:tt..$until:tt: $($kind:ident $plural:literal $scope:ident),+;)*) => {
        const BUILT_IN: &[BuiltIn] = &[$($(BuiltIn {
            kind: stringify!($kind), plural: $plural, namespaced: built_in!(@$scope), group: $group, version: $version,
            since: $since, until: $until,
        }),+),*];
    };
    (@ns) => { true };
    (@cl) => { false };
}

built_in! {
    "" "v1" ALWAYS..NEVER: Pod "pods" ns, Service "services" ns, ConfigMap "configmaps" ns, Secret "secrets" ns,
        ServiceAccount "serviceaccounts" ns, PersistentVolumeClaim "persistentvolumeclaims" ns,
        ReplicationController "replicationcontrollers" ns, PodTemplate "podtemplates" ns, Endpoints "endpoints" ns,
        Event "events" ns, LimitRange "limitranges" ns, ResourceQuota "resourcequotas" ns, Namespace "namespaces" cl,
        Node "nodes" cl, PersistentVolume "persistentvolumes" cl;
    "apps" "v1" ALWAYS..NEVER: Deployment "deployments" ns, StatefulSet "statefulsets" ns, DaemonSet "daemonsets" ns,
        ReplicaSet "replicasets" ns, ControllerRevision "controllerrevisions" ns;
    "apps" "v1beta1" ALWAYS..16: Deployment "deployments" ns, StatefulSet "statefulsets" ns;
    "apps" "v1beta2" ALWAYS..16: Deployment "deployments" ns, StatefulSet "statefulsets" ns, DaemonSet "daemonsets" ns,
        ReplicaSet "replicasets" ns;
    "extensions" "v1beta1" ALWAYS..16: Deployment "deployments" ns, DaemonSet "daemonsets" ns, ReplicaSet "replicasets" ns,
        NetworkPolicy "networkpolicies" ns;
    "extensions" "v1beta1" ALWAYS..22: Ingress "ingresses" ns;
    "batch" "v1" ALWAYS..NEVER: Job "jobs" ns;
    "batch" "v1" 21..NEVER: CronJob "cronjobs" ns;
    "batch" "v1beta1" ALWAYS..25: CronJob "cronjobs" ns;
    "autoscaling" "v1" ALWAYS..NEVER: HorizontalPodAutoscaler "horizontalpodautoscalers" ns;
    "autoscaling" "v2" 23..NEVER: HorizontalPodAutoscaler "horizontalpodautoscalers" ns;
    "autoscaling" "v2beta1" ALWAYS..25: HorizontalPodAutoscaler "horizontalpodautoscalers" ns;
    "autoscaling" "v2beta2" ALWAYS..26: HorizontalPodAutoscaler "horizontalpodautoscalers" ns;
    "policy" "v1" 21..NEVER: PodDisruptionBudget "poddisruptionbudgets" ns;
    "policy" "v1beta1" ALWAYS..25: PodDisruptionBudget "poddisruptionbudgets" ns, PodSecurityPolicy "podsecuritypolicies" cl;
    "networking.k8s.io" "v1" ALWAYS..NEVER: NetworkPolicy "networkpolicies" ns;
    "networking.k8s.io" "v1" 19..NEVER: Ingress "ingresses" ns, IngressClass "ingressclasses" cl;
    "networking.k8s.io" "v1" 33..NEVER: IPAddress "ipaddresses" cl, ServiceCIDR "servicecidrs" cl;
    "networking.k8s.io" "v1beta1" ALWAYS..22: Ingress "ingresses" ns, IngressClass "ingressclasses" cl;
    "storage.k8s.io" "v1" ALWAYS..NEVER: StorageClass "storageclasses" cl, VolumeAttachment "volumeattachments" cl,
        CSIDriver "csidrivers" cl, CSINode "csinodes" cl;
    "storage.k8s.io" "v1" 24..NEVER: CSIStorageCapacity "csistoragecapacities" ns;
    "storage.k8s.io" "v1" 34..NEVER: VolumeAttributesClass "volumeattributesclasses" cl;
    "storage.k8s.io" "v1beta1" ALWAYS..22: StorageClass "storageclasses" cl, VolumeAttachment "volumeattachments" cl,
        CSIDriver "csidrivers" cl, CSINode "csinodes" cl;
    "storage.k8s.io" "v1beta1" 21..27: CSIStorageCapacity "csistoragecapacities" ns;
    "scheduling.k8s.io" "v1" ALWAYS..NEVER: PriorityClass "priorityclasses" cl;
    "scheduling.k8s.io" "v1beta1" ALWAYS..22: PriorityClass "priorityclasses" cl;
    "node.k8s.io" "v1" 20..NEVER: RuntimeClass "runtimeclasses" cl;
    "node.k8s.io" "v1beta1" ALWAYS..25: RuntimeClass "runtimeclasses" cl;
    "rbac.authorization.k8s.io" "v1" ALWAYS..NEVER: Role "roles" ns, RoleBinding "rolebindings" ns,
        ClusterRole "clusterroles" cl, ClusterRoleBinding "clusterrolebindings" cl;
    "rbac.authorization.k8s.io" "v1beta1" ALWAYS..22: Role "roles" ns, RoleBinding "rolebindings" ns,
        ClusterRole "clusterroles" cl, ClusterRoleBinding "clusterrolebindings" cl;
    "admissionregistration.k8s.io" "v1" ALWAYS..NEVER:
        MutatingWebhookConfiguration "mutatingwebhookconfigurations" cl,
        ValidatingWebhookConfiguration "validatingwebhookconfigurations" cl;
    "admissionregistration.k8s.io" "v1beta1" ALWAYS..22:
        MutatingWebhookConfiguration "mutatingwebhookconfigurations" cl,
        ValidatingWebhookConfiguration "validatingwebhookconfigurations" cl;
    "admissionregistration.k8s.io" "v1" 30..NEVER: ValidatingAdmissionPolicy "validatingadmissionpolicies" cl,
        ValidatingAdmissionPolicyBinding "validatingadmissionpolicybindings" cl;
    "admissionregistration.k8s.io" "v1" 36..NEVER: MutatingAdmissionPolicy "mutatingadmissionpolicies" cl,
        MutatingAdmissionPolicyBinding "mutatingadmissionpolicybindings" cl;
    "apiextensions.k8s.io" "v1" ALWAYS..NEVER: CustomResourceDefinition "customresourcedefinitions" cl;
    "apiextensions.k8s.io" "v1beta1" ALWAYS..22: CustomResourceDefinition "customresourcedefinitions" cl;
    "apiregistration.k8s.io" "v1" ALWAYS..NEVER: APIService "apiservices" cl;
    "apiregistration.k8s.io" "v1beta1" ALWAYS..22: APIService "apiservices" cl;
    "coordination.k8s.io" "v1" ALWAYS..NEVER: Lease "leases" ns;
    "coordination.k8s.io" "v1beta1" ALWAYS..22: Lease "leases" ns;
    "discovery.k8s.io" "v1" 21..NEVER: EndpointSlice "endpointslices" ns;
    "discovery.k8s.io" "v1beta1" ALWAYS..25: EndpointSlice "endpointslices" ns;
    "events.k8s.io" "v1" 19..NEVER: Event "events" ns;
    "events.k8s.io" "v1beta1" ALWAYS..25: Event "events" ns;
    "flowcontrol.apiserver.k8s.io" "v1" 29..NEVER: FlowSchema "flowschemas" cl,
        PriorityLevelConfiguration "prioritylevelconfigurations" cl;
    "flowcontrol.apiserver.k8s.io" "v1beta1" 20..26: FlowSchema "flowschemas" cl,
        PriorityLevelConfiguration "prioritylevelconfigurations" cl;
    "flowcontrol.apiserver.k8s.io" "v1beta2" 23..29: FlowSchema "flowschemas" cl,
        PriorityLevelConfiguration "prioritylevelconfigurations" cl;
    "flowcontrol.apiserver.k8s.io" "v1beta3" 26..32: FlowSchema "flowschemas" cl,
        PriorityLevelConfiguration "prioritylevelconfigurations" cl;
    "certificates.k8s.io" "v1" 19..NEVER: CertificateSigningRequest "certificatesigningrequests" cl;
    "certificates.k8s.io" "v1beta1" ALWAYS..22: CertificateSigningRequest "certificatesigningrequests" cl;
    "resource.k8s.io" "v1" 34..NEVER: ResourceClaim "resourceclaims" ns, ResourceClaimTemplate "resourceclaimtemplates" ns,
        DeviceClass "deviceclasses" cl, ResourceSlice "resourceslices" cl;
}

/// Groups whose built-in kinds need a flag to be served in these versions.
const ON_REQUEST: &[(&str, &str)] = &[
    ("resource.k8s.io", "v1alpha"),
    ("resource.k8s.io", "v1beta"),
    ("storage.k8s.io", "v1alpha"),
    ("storage.k8s.io", "v1beta1"),
    ("admissionregistration.k8s.io", "v1alpha"),
    ("admissionregistration.k8s.io", "v1beta1"),
    ("networking.k8s.io", "v1alpha"),
    ("networking.k8s.io", "v1beta1"),
    ("scheduling.k8s.io", "v1alpha"),
    ("certificates.k8s.io", "v1alpha"),
    ("certificates.k8s.io", "v1beta1"),
    ("coordination.k8s.io", "v1alpha"),
    ("coordination.k8s.io", "v1beta1"),
    ("storagemigration.k8s.io", "v1"),
    ("internal.apiserver.k8s.io", "v1alpha"),
];

/// Where objects of a kind stand in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) kind: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    /// Whether a CustomResourceDefinition defines it.
    pub(crate) custom: bool,
}

impl Resource {
    /// `plural.group`, as the server names a resource in messages.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// Whether a kind is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    Yes(Resource),
    No,
    /// It can't be known: why, and what would settle it.
    Unknown(String),
}

/// `apiVersion` in group and version.
pub(crate) fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Whether the server of a release serves a kind in a version.
pub(crate) fn served(world: &World, api_version: &str, kind: &str, release: Version) -> Served {
    let (group, version) = split(api_version);
    let named = |built_in: &&BuiltIn| built_in.kind == kind && built_in.group == group && built_in.version == version;
    if let Some(built_in) = BUILT_IN.iter().find(named) {
        let served = built_in.since <= release.minor && release.minor < built_in.until;
        return if served { Served::Yes(resource(built_in)) } else { Served::No };
    }
    if let Some(found) = custom(world, group, version, kind) {
        return found;
    }
    if ON_REQUEST.iter().any(|(of, start)| *of == group && version.starts_with(start)) {
        return Served::Unknown(format!(
            "whether the server serves {api_version} depends on its flags; `kubectl api-versions` tells"
        ));
    }
    let own = BUILT_IN.iter().any(|built_in| built_in.group == group);
    if own || world.read("CustomResourceDefinition") {
        return Served::No;
    }
    Served::Unknown(format!(
        "custom resource definitions could not be read, so whether {kind} of {api_version} is served is not known; \
         a snapshot with them would tell"
    ))
}

/// The versions of a kind that the server of a release serves.
pub(crate) fn versions(resource: &Resource, release: Version) -> Vec<&str> {
    let mut versions: Vec<&str> = built_in_versions(&resource.group, &resource.kind, release);
    if !versions.contains(&resource.version.as_str()) {
        versions.push(&resource.version);
    }
    versions
}

/// The versions of a built-in kind that the server of a release serves, with their groups.
pub(crate) fn versions_of(kind: &str, release: Version) -> Vec<String> {
    let served = |built_in: &&BuiltIn| {
        built_in.kind == kind && built_in.since <= release.minor && release.minor < built_in.until
    };
    let shown = |built_in: &BuiltIn| match built_in.group {
        "" => built_in.version.to_owned(),
        group => format!("{group}/{}", built_in.version),
    };
    BUILT_IN.iter().filter(served).map(shown).collect()
}

/// The versions in which the server of a release serves a kind of Kubernetes' own; none for other kinds.
pub(crate) fn built_in_versions(group: &str, kind: &str, release: Version) -> Vec<&'static str> {
    let served = |built_in: &&BuiltIn| {
        built_in.kind == kind
            && built_in.group == group
            && built_in.since <= release.minor
            && release.minor < built_in.until
    };
    BUILT_IN.iter().filter(served).map(|built_in| built_in.version).collect()
}

/// The built-in kinds whose objects have a namespace.
pub(crate) fn namespaced_kinds() -> std::collections::BTreeSet<&'static str> {
    BUILT_IN.iter().filter(|built_in| built_in.namespaced).map(|built_in| built_in.kind).collect()
}

/// A kind that a CustomResourceDefinition in the world defines.
fn custom(world: &World, group: &str, version: &str, kind: &str) -> Option<Served> {
    let defines = |crd: &&Value| text(crd, "/spec/group") == group && text(crd, "/spec/names/kind") == kind;
    let mut definitions = world.list("CustomResourceDefinition", None).filter(defines).peekable();
    definitions.peek()?;
    let serves = |entry: &Value| text(entry, "/name") == version && truth(entry, "/served");
    let Some(definition) = definitions.find(|crd| list(crd, "/spec/versions").iter().any(serves)) else {
        return Some(Served::No);
    };
    Some(Served::Yes(Resource {
        kind: kind.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
        plural: text(definition, "/spec/names/plural").to_owned(),
        namespaced: text(definition, "/spec/scope") != "Cluster",
        custom: true,
    }))
}

fn resource(built_in: &BuiltIn) -> Resource {
    Resource {
        kind: built_in.kind.to_owned(),
        group: built_in.group.to_owned(),
        version: built_in.version.to_owned(),
        plural: built_in.plural.to_owned(),
        namespaced: built_in.namespaced,
        custom: false,
    }
}

/// Whether objects of a kind have a namespace, in whatever version; `None` where the kind isn't known.
pub(crate) fn namespaced(world: &World, api_version: &str, kind: &str) -> Option<bool> {
    let (group, _) = split(api_version);
    let built_in = BUILT_IN.iter().find(|built_in| built_in.kind == kind && built_in.group == group);
    built_in.map(|built_in| built_in.namespaced).or_else(|| {
        let of = |crd: &&Value| text(crd, "/spec/group") == group && text(crd, "/spec/names/kind") == kind;
        world.list("CustomResourceDefinition", None).find(of).map(|crd| text(crd, "/spec/scope") != "Cluster")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::preflight::world::Key;

    #[test]
    fn versions_are_served_from_one_release_to_another() {
        let world = World::default();
        let check = |api: &str, kind: &str, minor| served(&world, api, kind, Version::new(1, minor));
        assert_eq!(check("policy/v1beta1", "PodDisruptionBudget", 36), Served::No);
        assert!(matches!(check("policy/v1beta1", "PodDisruptionBudget", 24), Served::Yes(_)));
        assert!(
            matches!(check("policy/v1", "PodDisruptionBudget", 36), Served::Yes(r) if r.qualified() == "poddisruptionbudgets.policy")
        );
        assert_eq!(check("apps/v1", "Pod", 36), Served::No);
        assert!(matches!(check("resource.k8s.io/v1beta1", "ResourceClaim", 36), Served::Unknown(_)));
    }

    #[test]
    fn custom_kinds_are_those_of_the_definitions() {
        let mut world = World::default();
        let crd = json!({"spec": {"group": "example.com", "scope": "Cluster", "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": true}, {"name": "v0", "served": false}]}});
        world.put(
            Key { kind: "CustomResourceDefinition".into(), namespace: None, name: "things.example.com".into() },
            crd,
        );
        let check = |api: &str| served(&world, api, "Thing", Version::new(1, 36));
        assert!(matches!(check("example.com/v1"), Served::Yes(r) if !r.namespaced && r.custom));
        assert_eq!(check("example.com/v0"), Served::No);
        assert_eq!(check("other.com/v1"), Served::No, "definitions were read");
        assert_eq!(namespaced(&world, "example.com/v9", "Thing"), Some(false));
    }
}
