//! Kinds that are read only where a cause depends on them: a look-up that finds them unread asks for them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::context::Context;
use crate::model::{Kind, Object, Role, RoleBinding, ServiceAccount};
use crate::model::{VolumeSnapshot, VolumeSnapshotClass, VolumeSnapshotContent};
use crate::snapshot::{Demand, Lookup, Store};

/// What rules would have read.
#[derive(Debug, Default)]
pub(crate) struct Demands(Mutex<BTreeSet<Demand>>);

impl Demands {
    fn add(&self, demand: Demand) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(demand);
    }

    /// All, each once.
    pub(crate) fn all(&self) -> Vec<Demand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl<'a> Context<'a> {
    fn one<T: Object>(&self, kind: Kind, store: &'a Store<T>, namespace: &str, name: &str) -> Lookup<'a, T> {
        if store.may_be_asked(Some((namespace, name))) {
            self.demands.add(Demand::one(kind, namespace, name));
        }
        store.get(namespace, name)
    }

    fn every<T: Object>(&self, kind: Kind, store: &'a Store<T>) -> Option<&'a [Arc<T>]> {
        if store.may_be_asked(None) {
            self.demands.add(Demand::all(kind));
        }
        store.all()
    }

    /// A service account.
    pub fn service_account(&self, namespace: &str, name: &str) -> Lookup<'a, ServiceAccount> {
        self.one(Kind::ServiceAccount, &self.snapshot.service_accounts, namespace, name)
    }

    /// A volume snapshot.
    pub fn volume_snapshot(&self, namespace: &str, name: &str) -> Lookup<'a, VolumeSnapshot> {
        self.one(Kind::VolumeSnapshot, &self.snapshot.snapshots, namespace, name)
    }

    /// All volume snapshots; `None` where they could not all be read.
    pub fn volume_snapshots(&self) -> Option<&'a [Arc<VolumeSnapshot>]> {
        self.every(Kind::VolumeSnapshot, &self.snapshot.snapshots)
    }

    /// The content of a volume snapshot.
    pub fn snapshot_content(&self, name: &str) -> Lookup<'a, VolumeSnapshotContent> {
        self.one(Kind::VolumeSnapshotContent, &self.snapshot.snapshot_contents, "", name)
    }

    /// All classes of volume snapshots; `None` where they could not be read.
    pub fn snapshot_classes(&self) -> Option<&'a [Arc<VolumeSnapshotClass>]> {
        self.every(Kind::VolumeSnapshotClass, &self.snapshot.snapshot_classes)
    }

    /// All bindings of roles in the whole cluster; `None` where they could not all be read.
    pub fn cluster_role_bindings(&self) -> Option<&'a [Arc<RoleBinding>]> {
        self.every(Kind::ClusterRoleBinding, &self.snapshot.cluster_role_bindings)
    }

    /// A role of the cluster.
    pub fn cluster_role(&self, name: &str) -> Lookup<'a, Role> {
        self.one(Kind::ClusterRole, &self.snapshot.cluster_roles, "", name)
    }
}
