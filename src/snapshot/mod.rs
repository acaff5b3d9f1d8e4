//! The indexed, immutable view of a cluster. Every look-up says found, absent or unknown.

mod clock;
mod consumers;
pub(crate) mod coverage;
mod demand;
pub(crate) mod edit;
pub(crate) mod history;
mod implied;
pub(crate) mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

pub use coverage::{Broken, Coverage, Named, Problem, Scope};
pub use demand::Demand;
pub use edit::Edit;
pub use history::History;
pub use store::{Lookup, Store, differences};

use crate::model::meta::Map;
use crate::model::*;

macro_rules! snapshot {
    ($($(#[$doc:meta])* $field:ident: $kind:ident => $type:ty,)*) => {
        /// One consistent set of facts about a cluster.
        #[derive(Clone, Debug)]
        pub struct Snapshot {
            /// The server's version, such as `v1.36.2`, where known.
            pub server_version: Option<String>,
            /// When the facts were read, RFC 3339, where known.
            pub taken: Option<String>,
            /// The newest renewal of a Lease in a dump. Leases themselves are not kept.
            pub renewed: Option<Timestamp>,
            /// What of the input could not be used beside single objects, one line each.
            pub warnings: Vec<String>,
            $($(#[$doc])* pub $field: Store<$type>,)*
        }

        /// Gathers objects, of any kind and in any order, for a snapshot.
        #[derive(Debug, Default)]
        pub struct Builder {
            /// The server's version, where known.
            pub server_version: Option<String>,
            /// When the facts were read, RFC 3339, where known.
            pub taken: Option<String>,
            /// The newest renewal of a Lease in a dump. Leases themselves are not kept.
            pub renewed: Option<Timestamp>,
            /// What of the input could not be used beside single objects, one line each.
            pub warnings: Vec<String>,
            scopes: BTreeMap<Kind, Scope>,
            broken: Vec<Broken>,
            $($field: Vec<Arc<$type>>,)*
        }

        impl Builder {
            /// Adds an object of a kind. A namespaced object that names no namespace is in `default`.
            ///
            /// # Errors
            /// The deserializer's, where a field has a wrong type, and one of our own where the object has no name. The
            /// caller then notes it with [`Builder::note`].
            pub fn add<'de, D: serde::Deserializer<'de>>(&mut self, kind: Kind, deserializer: D) -> Result<(), D::Error> {
                match kind {
                    $(Kind::$kind => {
                        let mut object = <$type>::deserialize(deserializer)?;
                        admit(kind, object.meta_mut())?;
                        object.redact();
                        object.shrink();
                        self.$field.push(Arc::new(object));
                    })*
                }
                Ok(())
            }

            /// Adds everything that another builder gathered; its scopes win.
            pub fn absorb(&mut self, other: Builder) {
                self.scopes.extend(other.scopes);
                self.renewed = self.renewed.max(other.renewed);
                self.broken.extend(other.broken);
                $(self.$field.extend(other.$field);)*
            }

            /// How many objects of a kind were added.
            pub fn count(&self, kind: Kind) -> usize {
                match kind { $(Kind::$kind => self.$field.len(),)* }
            }

            /// Whether an object of this name was added.
            pub fn has(&self, kind: Kind, name: &str) -> bool {
                match kind { $(Kind::$kind => self.$field.iter().any(|object| object.meta().name == name),)* }
            }

            /// Makes the snapshot. Kinds for which nothing was said take the scope `default`.
            pub fn build(mut self, default: &Scope) -> Snapshot {
                Snapshot {
                    server_version: self.server_version,
                    taken: self.taken,
                    renewed: self.renewed,
                    warnings: self.warnings,
                    $($field: {
                        let scope = self.scopes.remove(&Kind::$kind).unwrap_or_else(|| default.clone());
                        let broken = self.broken.iter().filter(|b| b.kind == Kind::$kind).cloned().collect();
                        Store::new(self.$field, scope, broken)
                    },)*
                }
            }
        }

        impl Snapshot {
            /// How much of each kind was read.
            pub fn coverage(&self) -> Vec<Coverage> {
                vec![$(coverage_of(Kind::$kind, &self.$field),)*]
            }

            /// The scope of a kind.
            pub fn scope(&self, kind: Kind) -> &Scope {
                match kind { $(Kind::$kind => self.$field.scope(),)* }
            }

            /// Whether every object of a kind was read and understood.
            pub fn complete(&self, kind: Kind) -> bool {
                match kind { $(Kind::$kind => self.$field.complete(),)* }
            }

            /// The kinds that are presumed empty.
            pub fn presumed(&self) -> Vec<Kind> {
                Kind::ALL.iter().copied().filter(|kind| *self.scope(*kind) == Scope::Presumed).collect()
            }

            /// The same objects with another word on how much of a kind was read.
            #[must_use]
            pub fn covering(mut self, kind: Kind, scope: Scope) -> Self {
                match kind { $(Kind::$kind => self.$field.cover(scope),)* }
                self
            }

            /// The snapshot without the objects of a kind, of which nothing but `scope` is known.
            #[must_use]
            pub fn without(mut self, kind: Kind, scope: Scope) -> Self {
                match kind { $(Kind::$kind => self.$field = Store::new(Vec::new(), scope, Vec::new()),)* }
                self
            }

            /// Adds what another builder gathered; its objects and scopes win.
            pub fn absorb(&mut self, other: Builder) {
                $({
                    self.$field.absorb(other.$field, other.broken.iter().filter(|b| b.kind == Kind::$kind));
                    if let Some(scope) = other.scopes.get(&Kind::$kind) {
                        self.$field.cover(scope.clone());
                    }
                })*
            }

            /// Hands the metadata of every object to `visit`.
            pub(crate) fn each_meta<'s>(&'s self, mut visit: impl FnMut(&'s Meta)) {
                $(self.$field.seen().iter().for_each(|object| visit(object.meta()));)*
            }

            /// The metadata of an object that was read.
            pub fn meta(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Meta> {
                match kind { $(Kind::$kind => self.$field.get(namespace, name).found().map(|object| object.meta()),)* }
            }

            /// Every object that could not be decoded.
            pub fn broken(&self) -> Vec<&Broken> {
                [$(self.$field.broken(),)*].into_iter().flatten().collect()
            }

            /// Hands every object to `visit`, kind by kind, as JSON values with `apiVersion` and `kind`.
            ///
            /// # Errors
            /// Those of `visit`, and serde's, which model types don't cause.
            pub fn each_object<E: From<serde_json::Error>>(
                &self,
                mut visit: impl FnMut(Kind, serde_json::Value) -> Result<(), E>,
            ) -> Result<(), E> {
                $(for object in self.$field.seen() {
                    visit(Kind::$kind, with_type(Kind::$kind, serde_json::to_value(&**object)?))?;
                })*
                Ok(())
            }

            /// Removes an object; says whether it was there.
            pub fn remove(&mut self, kind: Kind, namespace: &str, name: &str) -> bool {
                match kind { $(Kind::$kind => self.$field.remove(namespace, name),)* }
            }

            /// Whether an object was read.
            pub fn contains(&self, kind: Kind, namespace: &str, name: &str) -> bool {
                match kind { $(Kind::$kind => self.$field.get(namespace, name).found().is_some(),)* }
            }

            /// The object as JSON without its type, where it was read.
            pub fn to_json(&self, kind: Kind, namespace: &str, name: &str) -> Option<serde_json::Value> {
                match kind {
                    $(Kind::$kind => {
                        let object = self.$field.get(namespace, name).found()?;
                        serde_json::to_value(&**object).ok()
                    })*
                }
            }

            /// The object as JSON with `apiVersion` and `kind`, where it was read.
            pub fn to_typed_json(&self, kind: Kind, namespace: &str, name: &str) -> Option<serde_json::Value> {
                Some(with_type(kind, self.to_json(kind, namespace, name)?))
            }

            /// The metadata of every object of a kind that was read, by namespace and name.
            pub fn metas(&self, kind: Kind) -> Vec<&Meta> {
                match kind { $(Kind::$kind => self.$field.seen().iter().map(|object| object.meta()).collect(),)* }
            }

            /// Whether every object of a kind in a namespace was read and understood.
            pub fn covers(&self, kind: Kind, namespace: &str) -> bool {
                match kind { $(Kind::$kind => self.$field.covers(namespace),)* }
            }

            /// Whether there is an object of a name; `None` where that is not known.
            pub fn has(&self, kind: Kind, namespace: &str, name: &str) -> Option<bool> {
                match kind { $(Kind::$kind => match self.$field.get(namespace, name) {
                    Lookup::Found(_) => Some(true),
                    Lookup::Absent => Some(false),
                    Lookup::Unknown => None,
                },)* }
            }

            /// Puts an object, given as JSON, in the place of the one with its name, or beside the others.
            ///
            /// # Errors
            /// Where a field has a wrong type.
            pub fn put_json(&mut self, kind: Kind, value: serde_json::Value) -> Result<(), serde_json::Error> {
                match kind { $(Kind::$kind => self.$field.insert(<$type>::deserialize(value)?),)* }
                Ok(())
            }
        }
    };
}

snapshot! {
    pods: Pod => Pod,
    nodes: Node => Node,
    claims: PersistentVolumeClaim => Claim,
    volumes: PersistentVolume => Volume,
    classes: StorageClass => StorageClass,
    attributes_classes: VolumeAttributesClass => VolumeAttributesClass,
    csi_drivers: CSIDriver => CsiDriver,
    csi_nodes: CSINode => CsiNode,
    capacities: CSIStorageCapacity => CsiStorageCapacity,
    attachments: VolumeAttachment => VolumeAttachment,
    namespaces: Namespace => Namespace,
    events: Event => Event,
    mutating_webhooks: MutatingWebhookConfiguration => WebhookConfiguration,
    validating_webhooks: ValidatingWebhookConfiguration => WebhookConfiguration,
    services: Service => Service,
    endpoints: EndpointSlice => Endpoints,
    stateful_sets: StatefulSet => Workload,
    deployments: Deployment => Workload,
    replica_sets: ReplicaSet => Workload,
    daemon_sets: DaemonSet => Workload,
    jobs: Job => Job,
    budgets: PodDisruptionBudget => PodDisruptionBudget,
    priority_classes: PriorityClass => PriorityClass,
    quotas: ResourceQuota => ResourceQuota,
    limit_ranges: LimitRange => LimitRange,
    resource_claims: ResourceClaim => ResourceClaim,
    resource_slices: ResourceSlice => ResourceSlice,
    device_classes: DeviceClass => DeviceClass,
    config_maps: ConfigMap => ConfigMap,
    service_accounts: ServiceAccount => ServiceAccount,
    cluster_roles: ClusterRole => Role,
    cluster_role_bindings: ClusterRoleBinding => RoleBinding,
    snapshots: VolumeSnapshot => VolumeSnapshot,
    snapshot_classes: VolumeSnapshotClass => VolumeSnapshotClass,
    snapshot_contents: VolumeSnapshotContent => VolumeSnapshotContent,
}

impl Snapshot {
    /// The workloads of a kind: a Deployment, a ReplicaSet, a StatefulSet or a DaemonSet; `None` for others.
    pub(crate) fn workloads(&self, kind: Kind) -> Option<&Store<Workload>> {
        Some(match kind {
            Kind::Deployment => &self.deployments,
            Kind::ReplicaSet => &self.replica_sets,
            Kind::StatefulSet => &self.stateful_sets,
            Kind::DaemonSet => &self.daemon_sets,
            _ => return None,
        })
    }
}

impl Builder {
    /// Says how much of a kind was read.
    pub fn cover(&mut self, kind: Kind, scope: Scope) {
        self.scopes.insert(kind, scope);
    }

    /// Drops all but this many events, the ones last seen; says whether any were dropped.
    pub fn keep_newest_events(&mut self, most: usize) -> bool {
        let too_many = self.events.len() > most;
        if too_many {
            self.events.sort_by(|a, b| b.last_seen().cmp(a.last_seen()));
            self.events.truncate(most);
        }
        too_many
    }

    /// The namespaces in which claims are being deleted.
    pub fn namespaces_of_ending_claims(&self) -> BTreeSet<&str> {
        let ending = self.claims.iter().filter(|claim| claim.metadata.deleting());
        ending.map(|claim| claim.metadata.namespace.as_str()).collect()
    }

    /// The scope said of a kind so far.
    pub fn scope(&self, kind: Kind) -> Option<&Scope> {
        self.scopes.get(&kind)
    }

    /// Notes an object that could not be decoded.
    pub fn note(&mut self, broken: Broken) {
        self.broken.push(broken);
    }
}

impl Snapshot {
    /// Labels of a namespace, empty where it was read and isn't there, `None` where it wasn't read. The API server labels
    /// every namespace with its name.
    pub fn labels_of_namespace(&self, name: &str) -> Option<Map> {
        match self.namespaces.get("", name) {
            Lookup::Found(namespace) => Some(namespace.metadata.labels.clone()),
            Lookup::Absent => Some(Map::new()),
            Lookup::Unknown => None,
        }
    }
}

fn admit<E: serde::de::Error>(kind: Kind, meta: &mut Meta) -> Result<(), E> {
    if meta.name.is_empty() {
        return Err(E::custom("metadata.name is missing"));
    }
    if !kind.namespaced() {
        meta.namespace.clear();
    } else if meta.namespace.is_empty() {
        "default".clone_into(&mut meta.namespace);
    }
    Ok(())
}

fn coverage_of<T: Object>(kind: Kind, store: &Store<T>) -> Coverage {
    let read = match store.scope() {
        Scope::Nothing(_) if store.seen().is_empty() => None,
        _ => Some(store.seen().len()),
    };
    let problem = store.scope().problem().map(ToString::to_string);
    let broken = match store.broken().len() {
        0 => None,
        1 => Some("1 object could not be read".to_owned()),
        count => Some(format!("{count} objects could not be read")),
    };
    Coverage { kind, read, problem: problem.or(broken), presumed: store.presumed() }
}

fn with_type(kind: Kind, mut value: serde_json::Value) -> serde_json::Value {
    if let Some(object) = value.as_object_mut() {
        let version = match kind.group() {
            "" => kind.versions()[0].to_owned(),
            group => format!("{group}/{}", kind.versions()[0]),
        };
        object.insert("apiVersion".to_owned(), version.into());
        object.insert("kind".to_owned(), kind.name().into());
    }
    value
}
