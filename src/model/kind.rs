//! The kinds that the tool reads, each with its place in the API.

use std::fmt;

use super::Meta;

/// A Kubernetes object of the model.
pub trait Object {
    /// The object's metadata.
    fn meta(&self) -> &Meta;
    /// The object's metadata, to change it on a copy of the state.
    fn meta_mut(&mut self) -> &mut Meta;
    /// Drops what a snapshot never keeps.
    fn redact(&mut self) {
        self.meta_mut().redact();
    }
    /// Gives back memory that decoding took for more than came.
    fn shrink(&mut self) {}
}

macro_rules! has_meta {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::model::kind::Object for $type {
            fn meta(&self) -> &$crate::model::Meta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut $crate::model::Meta {
                &mut self.metadata
            }
        }
    )*};
}
pub(crate) use has_meta;

macro_rules! kinds {
    ($($variant:ident: $group:literal [$($version:literal),+] $plural:literal $scope:ident [$($short:literal),*],)*) => {
        /// A kind that the tool reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", stringify!($variant), "`")] $variant,)*
        }

        impl Kind {
            /// Every kind, in the order in which reports list them.
            pub const ALL: &[Kind] = &[$(Kind::$variant,)*];

            /// The `kind` that objects carry.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$variant => stringify!($variant),)* }
            }

            /// The kind that objects with this `kind` are of; no two kinds that are read share one.
            pub fn named(name: &str) -> Option<Kind> {
                Kind::ALL.iter().copied().find(|kind| kind.name() == name)
            }

            /// The API group, empty for the core group.
            pub fn group(self) -> &'static str {
                match self { $(Kind::$variant => $group,)* }
            }

            /// The versions that can be read, the best first.
            pub fn versions(self) -> &'static [&'static str] {
                match self { $(Kind::$variant => &[$($version),+],)* }
            }

            /// The resource name in URLs and RBAC rules.
            pub fn plural(self) -> &'static str {
                match self { $(Kind::$variant => $plural,)* }
            }

            /// Whether objects of the kind live in namespaces.
            pub fn namespaced(self) -> bool {
                match self { $(Kind::$variant => kinds!(@$scope),)* }
            }

            /// kubectl's short names.
            pub fn short_names(self) -> &'static [&'static str] {
                match self { $(Kind::$variant => &[$($short),*],)* }
            }
        }
    };
    (@namespaced) => { true };
    (@cluster) => { false };
}

kinds! {
    Pod: "" ["v1"] "pods" namespaced ["po"],
    Node: "" ["v1"] "nodes" cluster ["no"],
    PersistentVolumeClaim: "" ["v1"] "persistentvolumeclaims" namespaced ["pvc"],
    PersistentVolume: "" ["v1"] "persistentvolumes" cluster ["pv"],
    StorageClass: "storage.k8s.io" ["v1"] "storageclasses" cluster ["sc"],
    VolumeAttributesClass: "storage.k8s.io" ["v1", "v1beta1", "v1alpha1"] "volumeattributesclasses" cluster ["vac"],
    CSIDriver: "storage.k8s.io" ["v1"] "csidrivers" cluster [],
    CSINode: "storage.k8s.io" ["v1"] "csinodes" cluster [],
    CSIStorageCapacity: "storage.k8s.io" ["v1", "v1beta1"] "csistoragecapacities" namespaced [],
    VolumeAttachment: "storage.k8s.io" ["v1"] "volumeattachments" cluster [],
    Namespace: "" ["v1"] "namespaces" cluster ["ns"],
    Event: "" ["v1"] "events" namespaced ["ev"],
    MutatingWebhookConfiguration: "admissionregistration.k8s.io" ["v1"] "mutatingwebhookconfigurations" cluster [],
    ValidatingWebhookConfiguration: "admissionregistration.k8s.io" ["v1"] "validatingwebhookconfigurations" cluster [],
    Service: "" ["v1"] "services" namespaced ["svc"],
    EndpointSlice: "discovery.k8s.io" ["v1"] "endpointslices" namespaced [],
    StatefulSet: "apps" ["v1"] "statefulsets" namespaced ["sts"],
    Deployment: "apps" ["v1"] "deployments" namespaced ["deploy"],
    ReplicaSet: "apps" ["v1"] "replicasets" namespaced ["rs"],
    DaemonSet: "apps" ["v1"] "daemonsets" namespaced ["ds"],
    Job: "batch" ["v1"] "jobs" namespaced [],
    PodDisruptionBudget: "policy" ["v1"] "poddisruptionbudgets" namespaced ["pdb"],
    PriorityClass: "scheduling.k8s.io" ["v1"] "priorityclasses" cluster ["pc"],
    ResourceQuota: "" ["v1"] "resourcequotas" namespaced ["quota"],
    LimitRange: "" ["v1"] "limitranges" namespaced ["limits"],
    ResourceClaim: "resource.k8s.io" ["v1", "v1beta2", "v1beta1"] "resourceclaims" namespaced [],
    ResourceSlice: "resource.k8s.io" ["v1", "v1beta2", "v1beta1"] "resourceslices" cluster [],
    DeviceClass: "resource.k8s.io" ["v1", "v1beta2", "v1beta1"] "deviceclasses" cluster [],
    ConfigMap: "" ["v1"] "configmaps" namespaced ["cm"],
    ServiceAccount: "" ["v1"] "serviceaccounts" namespaced ["sa"],
    ClusterRole: "rbac.authorization.k8s.io" ["v1"] "clusterroles" cluster [],
    ClusterRoleBinding: "rbac.authorization.k8s.io" ["v1"] "clusterrolebindings" cluster [],
    VolumeSnapshot: "snapshot.storage.k8s.io" ["v1", "v1beta1"] "volumesnapshots" namespaced ["vs"],
    VolumeSnapshotClass: "snapshot.storage.k8s.io" ["v1", "v1beta1"] "volumesnapshotclasses" cluster ["vsclass"],
    VolumeSnapshotContent: "snapshot.storage.k8s.io" ["v1", "v1beta1"] "volumesnapshotcontents" cluster ["vsc"],
}

impl Kind {
    /// Whether a server is always asked for the kind. The others are asked for only where a cause depends on them; config
    /// maps never, since the right to read them is one to read what is in them: their names are known from dumps alone.
    pub fn listed(self) -> bool {
        !matches!(
            self,
            Kind::ConfigMap
                | Kind::ServiceAccount
                | Kind::ClusterRole
                | Kind::ClusterRoleBinding
                | Kind::VolumeSnapshot
                | Kind::VolumeSnapshotClass
                | Kind::VolumeSnapshotContent
        )
    }

    /// The kind that an object of this group and kind name is; the version doesn't matter.
    pub fn from_api(api_version: &str, name: &str) -> Option<Kind> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        Kind::ALL.iter().copied().find(|kind| kind.name() == name && kind.group() == group)
    }

    /// The kind that a user means: the kind, its plural or singular, a short name, or `plural.group`.
    pub fn from_user(word: &str) -> Option<Kind> {
        let word = word.to_ascii_lowercase();
        let plain = word.split_once('.').map_or(word.as_str(), |(resource, _)| resource);
        Kind::ALL.iter().copied().find(|kind| {
            kind.plural() == plain || kind.name().eq_ignore_ascii_case(plain) || kind.short_names().contains(&plain)
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn kinds_are_found_by_api_group_and_by_the_words_of_users() {
        assert_eq!(Kind::from_api("storage.k8s.io/v1", "StorageClass"), Some(Kind::StorageClass));
        assert_eq!(Kind::from_api("v1", "StorageClass"), None);
        assert_eq!(Kind::from_api("v1", "Pod"), Some(Kind::Pod));
        for (word, kind) in [
            ("pvc", Kind::PersistentVolumeClaim),
            ("persistentvolumeclaim", Kind::PersistentVolumeClaim),
            ("PVC", Kind::PersistentVolumeClaim),
            ("sts", Kind::StatefulSet),
            ("statefulsets.apps", Kind::StatefulSet),
            ("po", Kind::Pod),
        ] {
            assert_eq!(Kind::from_user(word), Some(kind), "{word}");
        }
        assert_eq!(Kind::from_user("secret"), None);
    }
}
