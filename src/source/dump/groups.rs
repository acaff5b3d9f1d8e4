//! How much of each kind a dump that doesn't say holds: worked out from what stands together.
//!
//! `kubectl get KIND` writes a list, `kubectl get KIND NAME` an object that stands alone. A list of objects of one
//! namespace can be all of them (`-A`) or those of that namespace (`-n`): only the latter is certain.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Kind;
use crate::snapshot::{Builder, Problem, Scope, Snapshot};

/// Objects that were written together: a list, or the plain documents of a file or of a folder named after the kind.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The file, for the namespace that may stand in its path.
    path: String,
    /// The namespaces of the objects of each kind.
    kinds: BTreeMap<Kind, BTreeSet<String>>,
    /// Kinds whose list is there and empty.
    empty: BTreeSet<Kind>,
    landmarks: u8,
    objects: usize,
    /// Whether this is not a list: a single object then tells nothing of others.
    plain: bool,
}

/// All groups of a dump.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    /// What stands in folders named after a kind, one object a file.
    folders: BTreeMap<(String, Kind), usize>,
    /// Kinds that were not read to their end, with the reason.
    failed: BTreeMap<Kind, String>,
    /// Whether something whose kind isn't known was not read.
    gap: bool,
}

impl Group {
    pub(super) fn list(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    pub(super) fn plain(path: &str) -> Self {
        Self { plain: true, ..Self::list(path) }
    }

    pub(super) fn object(&mut self, kind: Kind, namespace: &str, name: &str) {
        let namespace = if kind.namespaced() && namespace.is_empty() { "default" } else { namespace };
        let namespaces = self.kinds.entry(kind).or_default();
        if !namespaces.contains(namespace) {
            namespaces.insert(namespace.to_owned());
        }
        self.objects += 1;
        self.landmarks |= landmark(kind, namespace, name);
    }

    pub(super) fn empty(&mut self, kind: Kind) {
        self.empty.insert(kind);
    }

    pub(super) fn merge(&mut self, other: Group) {
        for (kind, names) in other.kinds {
            self.kinds.entry(kind).or_default().extend(names);
        }
        self.empty.extend(other.empty);
        self.landmarks |= other.landmarks;
        self.objects += other.objects;
    }

    /// Whether the objects of several namespaces stand together.
    fn spans_namespaces(&self) -> bool {
        let mut all = self.kinds.iter().filter(|(kind, _)| kind.namespaced()).flat_map(|(_, names)| names);
        let first = all.next();
        all.any(|name| Some(name) != first)
    }

    /// Every cluster has these objects, and nobody asks for them alone.
    fn whole_cluster(&self) -> bool {
        self.landmarks == 0b111
    }

    fn tells_nothing(&self) -> bool {
        self.plain && self.objects == 1
    }
}

fn landmark(kind: Kind, namespace: &str, name: &str) -> u8 {
    match kind {
        Kind::Namespace if name == "kube-system" => 0b001,
        Kind::PriorityClass if name.starts_with("system-") => 0b010,
        Kind::Service if namespace == "default" && name == "kubernetes" => 0b100,
        _ => 0,
    }
}

impl Groups {
    pub(super) fn add(&mut self, group: Group) {
        self.groups.push(group);
    }

    /// Adds a file of a folder that is named after a kind: one object a file makes a list.
    pub(super) fn add_to_folder(&mut self, kind: Kind, group: Group) {
        let folder = group.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        match self.folders.get(&(folder.clone(), kind)) {
            Some(&index) => self.groups[index].merge(group),
            None => {
                self.folders.insert((folder, kind), self.groups.len());
                self.groups.push(Group { plain: !group.kinds.contains_key(&kind), ..group });
            }
        }
    }

    pub(super) fn fail(&mut self, kind: Kind, reason: &str) {
        self.failed.entry(kind).or_insert_with(|| reason.to_owned());
    }

    pub(super) fn gap(&mut self) {
        self.gap = true;
    }

    /// Says the scope of every kind, except of those of which it was said already.
    pub(super) fn cover(&self, builder: &mut Builder) {
        for &kind in Kind::ALL {
            match (self.failed.get(&kind), builder.scope(kind)) {
                (Some(reason), _) => builder.cover(kind, Scope::Nothing(Problem::Failed(reason.clone()))),
                (None, None) => builder.cover(kind, self.scope(kind)),
                (None, Some(_)) => {}
            }
        }
    }

    /// Of a dump of a whole cluster: presumes those kinds to be empty of which it has no object, unless something in it
    /// shows that the cluster has some, or the kind is one that dumps seldom hold.
    pub(super) fn presume(&self, snapshot: Snapshot) -> Snapshot {
        if self.gap || !self.groups.iter().any(Group::whole_cluster) {
            return snapshot;
        }
        let implied = snapshot.implied();
        let seen = |kind| self.groups.iter().any(|group| group.kinds.contains_key(&kind));
        let left_out = |kind: &&Kind| *snapshot.scope(**kind) == Scope::Nothing(Problem::NotInDump) && !seen(**kind);
        let presumed: Vec<Kind> = Kind::ALL.iter().filter(|kind| kind.listed()).filter(left_out).copied().collect();
        let presumed = presumed.into_iter().filter(|kind| !implied.contains(kind));
        presumed.fold(snapshot, |snapshot, kind| snapshot.covering(kind, Scope::Presumed))
    }

    fn scope(&self, kind: Kind) -> Scope {
        let mut namespaces = BTreeSet::new();
        let mut listed = false;
        for group in self.groups.iter().filter(|group| !group.tells_nothing()) {
            if let Some(names) = group.kinds.get(&kind) {
                let all = group.spans_namespaces() || !self.gap && group.whole_cluster();
                if !kind.namespaced() || kind == Kind::CSIStorageCapacity || all {
                    return Scope::All;
                }
                namespaces.extend(names.iter().cloned());
            }
            listed |= group.empty.contains(&kind);
        }
        if listed {
            let Some(more) = self.namespaces_of_empty(kind) else { return Scope::All };
            namespaces.extend(more);
        }
        if namespaces.is_empty() {
            return Scope::Nothing(Problem::NotInDump);
        }
        Scope::Namespaces(namespaces.into_iter().collect(), Problem::NotInDump)
    }

    /// The namespaces of which the empty lists of a kind tell; `None` for all.
    fn namespaces_of_empty(&self, kind: Kind) -> Option<BTreeSet<String>> {
        if !kind.namespaced() || self.groups.iter().any(Group::spans_namespaces) {
            return None;
        }
        let known: BTreeSet<&String> = self
            .groups
            .iter()
            .flat_map(|group| &group.kinds)
            .filter(|(kind, _)| kind.namespaced() && **kind != Kind::CSIStorageCapacity)
            .flat_map(|(_, names)| names)
            .collect();
        if known.is_empty() {
            return None;
        }
        let empty = self.groups.iter().filter(|group| group.empty.contains(&kind));
        let of = |group: &Group| -> BTreeSet<String> {
            let stem = group.path.split_once('.').map_or(group.path.as_str(), |(stem, _)| stem);
            let in_path = known.iter().find(|name| stem.split('/').any(|part| part == name.as_str()));
            in_path.map_or_else(|| known.iter().map(|name| (*name).clone()).collect(), |name| [(*name).clone()].into())
        };
        Some(empty.flat_map(of).collect())
    }
}
