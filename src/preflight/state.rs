//! The cluster while manifests are tried on it: the objects as the server stores them, the snapshot that scheduler and
//! volume controllers judge, and which pod belongs to whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::controllers::{Revision, first_revisions};
use super::fields::{kind_of, name_of, namespace_of, text, uid_of};
use super::server::{self, Outcome, Request};
use super::volumes;
use super::world::{Key, World};
use crate::model::version::Version;
use crate::model::{Kind, Pod};
use crate::snapshot::Snapshot;

/// The letters of generated names (`apimachinery/pkg/util/rand`).
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// The longest base that a generated name keeps (`apiserver/pkg/storage/names`).
const LONGEST_BASE: usize = 58;

/// Why the server took an object of a controller or not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Made {
    Stored(Key),
    Refused(String),
    /// Whether it is admitted can't be known, and why.
    Unknown(String),
}

/// A cluster that changes.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) snapshot: Snapshot,
    pub(crate) version: Version,
    /// RFC 3339: the creation time of whatever is made here.
    pub(crate) now: String,
    /// How many objects were made here.
    made: u64,
    /// The order in which pods came, by namespace and name; those that were there before are not in it.
    born: HashMap<(String, String), u64>,
    /// Pods that were made with a node and have not run yet: their kubelets wait for their volumes.
    starting: BTreeSet<(String, String)>,
    /// Names of pods by the uid of their controller.
    owned: HashMap<String, BTreeSet<String>>,
    /// Counts the changes by which a pod that waits may find a place.
    pub(crate) openings: u64,
    /// What can't be known about what controllers make.
    pub(crate) unknown: BTreeSet<String>,
    /// The server's newest words to a controller whose pods or claims it refuses, by the uid of the controller.
    pub(crate) refused: HashMap<String, String>,
    /// Why it can't be known whether the server takes what a controller asks for, by the uid of the controller.
    pub(crate) doubted: HashMap<String, String>,
    /// By the uid of StatefulSets and DaemonSets.
    pub(crate) revisions: HashMap<String, Revision>,
    /// The ordinals that a StatefulSet lacked when it last made pods ahead, and how many of them it made, by its uid.
    pub(crate) ahead: HashMap<String, (Vec<i64>, usize)>,
    /// How many openings there were when the volume controllers last looked.
    pub(crate) volumes_seen: u64,
    /// The Job that a CronJob was given to see what its runs come to.
    pub(crate) runs: BTreeMap<Key, Key>,
    /// The uids of objects that were deleted without what they own, which their successors take over.
    orphaned: BTreeMap<Key, String>,
}

impl State {
    pub(crate) fn new(world: World, snapshot: Snapshot, version: Version, now: String) -> Self {
        let mut owned: HashMap<String, BTreeSet<String>> = HashMap::new();
        for pod in snapshot.pods.seen() {
            if let Some(owner) = pod.metadata.controller() {
                owned.entry(owner.uid.clone()).or_default().insert(pod.metadata.name.clone());
            }
        }
        let revisions = first_revisions(&world);
        Self {
            revisions,
            starting: BTreeSet::new(),
            refused: HashMap::new(),
            doubted: HashMap::new(),
            runs: BTreeMap::new(),
            orphaned: BTreeMap::new(),
            ahead: HashMap::new(),
            volumes_seen: u64::MAX,
            world,
            snapshot,
            version,
            now,
            made: 0,
            born: HashMap::new(),
            owned,
            openings: 0,
            unknown: BTreeSet::new(),
        }
    }

    /// A number that no object has had yet.
    pub(crate) fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// A name as the server generates one from a base.
    pub(crate) fn generate_name(&mut self, base: &str) -> String {
        let mut number = self.next();
        let base: String = base.chars().take(LONGEST_BASE).collect();
        let radix = LETTERS.len() as u64;
        let suffix = (0..5).map(|_| {
            let letter = LETTERS[usize::try_from(number % radix).unwrap_or_default()];
            number /= radix;
            char::from(letter)
        });
        base + &suffix.collect::<String>()
    }

    /// Has the server make an object for a controller.
    pub(crate) fn make(&mut self, object: Value) -> Made {
        let namespace = namespace_of(&object).to_owned();
        let answer = server::request(&self.world, Request::Create, object, &namespace, self.version);
        match answer.outcome {
            Outcome::Admitted(object) => {
                self.note_unread(&answer.unread);
                let key = server::key(&self.world, &object, &namespace);
                self.put_new(key.clone(), *object);
                Made::Stored(key)
            }
            Outcome::Refused(message) => Made::Refused(message),
            Outcome::Unknown(why) => {
                self.unknown.insert(why.clone());
                Made::Unknown(why)
            }
        }
    }

    /// Notes that kinds have a say in what is admitted and could not be read.
    pub(crate) fn note_unread(&mut self, kinds: &[(&str, &str)]) {
        self.unknown.extend(kinds.iter().map(|(kind, plural)| {
            format!(
                "objects of kind {kind} could not be read, so what they refuse or change is not known; \
                 `kubectl get {plural} -A` tells"
            )
        }));
    }

    /// Stores an object that did not exist, with what the server gives it, and charges it to the quotas.
    pub(crate) fn put_new(&mut self, key: Key, mut object: Value) {
        let number = self.next();
        let uid = self.orphaned.remove(&key).unwrap_or_else(|| format!("00000000-0000-4000-8000-{number:012}"));
        if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.insert("uid".to_owned(), json!(uid));
            meta.insert("creationTimestamp".to_owned(), json!(self.now));
            meta.insert("resourceVersion".to_owned(), json!(number.to_string()));
        }
        if let (Some(fields), Some(phase)) = (object.as_object_mut(), first_phase(&key.kind)) {
            fields.insert("status".to_owned(), json!({ "phase": phase }));
        }
        if key.kind == Kind::Pod.name() {
            self.born.insert((key.namespace.clone().unwrap_or_default(), key.name.clone()), number);
        }
        if key.kind == "Service" {
            self.world.mark_new(key.clone());
        }
        self.put(key, object.clone());
        server::charge(&mut self.world, &object, self.version);
    }

    /// Stores an object in the place of the one that has its key, with that one's identity.
    pub(crate) fn replace(&mut self, key: Key, object: Value) {
        if let Some(old) = self.world.remove(&key) {
            server::release(&mut self.world, &old, self.version);
        }
        self.put(key, object.clone());
        server::charge(&mut self.world, &object, self.version);
    }

    /// Counts what a new or changed quota counts.
    fn count(&mut self, quota: &mut Value) {
        let namespace = namespace_of(quota).to_owned();
        let objects = self.world.in_namespace(&namespace);
        server::count_quota(&self.world, quota, objects, self.version);
    }

    /// Stores an object as it is.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) {
        if key.kind == Kind::ResourceQuota.name() {
            self.count(&mut object);
        }
        if let Some(kind) = Kind::from_api(text(&object, "/apiVersion"), kind_of(&object)) {
            self.show(kind, &key, &object);
        }
        if key.kind != Kind::Pod.name() {
            self.openings += 1;
        }
        self.world.put(key, object);
    }

    /// Lets scheduler and volume controllers see an object. One that they can't read stays as it was.
    fn show(&mut self, kind: Kind, key: &Key, object: &Value) {
        let mut object = object.clone();
        if let (Some(namespace), Some(meta)) =
            (&key.namespace, object.get_mut("metadata").and_then(Value::as_object_mut))
        {
            meta.insert("namespace".to_owned(), json!(namespace));
        }
        if kind == Kind::Pod
            && let Some(owner) = owner_uid(&object)
        {
            self.owned.entry(owner.to_owned()).or_default().insert(key.name.clone());
        }
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let before = self.snapshot.pods.get(namespace, &key.name).found().filter(|_| kind == Kind::Pod);
        let (new, node) = (before.is_none(), before.map(|pod| pod.spec.node_name.clone()));
        if let Err(error) = self.snapshot.put_json(kind, object) {
            self.unknown.insert(format!("{} {} can't be judged: {error}", key.kind, key.name));
        }
        let waits = self.starting.contains(&(namespace.to_owned(), key.name.clone()));
        match node.filter(|node| !node.is_empty() && !waits) {
            Some(node) => self.run(namespace, &key.name, &node),
            None if kind == Kind::Pod && (new || waits) => self.wait_to_start(namespace, &key.name),
            None => {}
        }
    }

    /// Has a pod that is made with a node wait there until it can start.
    fn wait_to_start(&mut self, namespace: &str, name: &str) {
        let Some(pod) = self.snapshot.pods.get(namespace, name).found().filter(|pod| pod.assigned()) else { return };
        let mut pod = Pod::clone(pod);
        let ready = json!({"type": "Ready", "status": "False", "lastTransitionTime": self.now});
        pod.status.conditions = serde_json::from_value(ready).into_iter().collect();
        self.snapshot.pods.insert(pod);
        self.starting.insert((namespace.to_owned(), name.to_owned()));
    }

    /// Lets the pods run that were made with a node and whose volumes are there; says whether there are any.
    pub(crate) fn start_named(&mut self) -> bool {
        let snapshot = &self.snapshot;
        let ready = |(namespace, name): &&(String, String)| {
            snapshot.pods.get(namespace, name).found().is_none_or(|pod| volumes::mountable(snapshot, pod))
        };
        let ready: Vec<(String, String)> = self.starting.iter().filter(ready).cloned().collect();
        for (namespace, name) in &ready {
            self.starting.remove(&(namespace.clone(), name.clone()));
            let node = self.snapshot.pods.get(namespace, name).found().map(|pod| pod.spec.node_name.clone());
            node.into_iter().for_each(|node| self.run(namespace, name, &node));
        }
        !ready.is_empty()
    }

    /// Takes an object away and gives back what it took from quotas.
    pub(crate) fn remove(&mut self, key: &Key) {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        if key.kind == Kind::Pod.name()
            && let Some(pod) = self.snapshot.pods.get(namespace, &key.name).found()
            && let Some(owner) = pod.metadata.controller()
            && let Some(names) = self.owned.get_mut(&owner.uid)
        {
            names.remove(&key.name);
        }
        let kind = Kind::named(&key.kind);
        let typed = kind.and_then(|kind| self.snapshot.to_typed_json(kind, namespace, &key.name));
        if let Some(old) = self.world.remove(key).or(typed) {
            server::release(&mut self.world, &old, self.version);
        }
        if let Some(kind) = kind {
            self.snapshot.remove(kind, namespace, &key.name);
        }
        self.openings += 1;
    }

    /// Deletes an object without what it owns (`--cascade=orphan`). A new one of its name adopts that by its selector, which
    /// is taken to be the same.
    pub(crate) fn orphan(&mut self, key: &Key) {
        let object = self.world.get(&key.kind, key.namespace.as_deref(), &key.name);
        if let Some(uid) = object.map(|object| uid_of(object).to_owned()) {
            self.orphaned.insert(key.clone(), uid);
            self.remove(key);
        }
    }

    /// Takes back a claim that was made here, with the volume that was made for it and what that took.
    pub(crate) fn unmake_claim(&mut self, namespace: &str, name: &str) {
        let claim = self.snapshot.claims.get(namespace, name).found().cloned();
        if let Some(claim) = claim {
            super::volumes::unmake(self, &claim);
        }
        self.remove(&Key {
            kind: Kind::PersistentVolumeClaim.name().to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        });
    }

    /// The pods of a controller that are not ended, the oldest first.
    pub(crate) fn pods_of(&self, namespace: &str, uid: &str) -> Vec<&Pod> {
        let names = self.owned.get(uid).into_iter().flatten();
        let pods = names.filter_map(|name| self.snapshot.pods.get(namespace, name).found().map(|pod| &**pod));
        let live = pods.filter(|pod| !pod.finished() && !pod.metadata.deleting());
        let mut pods: Vec<&Pod> = live.collect();
        pods.sort_by_cached_key(|pod| self.age(pod));
        pods
    }

    /// Whether a controller has a live pod of a name.
    pub(crate) fn owns(&self, uid: &str, name: &str) -> bool {
        self.owned.get(uid).is_some_and(|names| names.contains(name))
    }

    /// What pods are sorted by to have the oldest first.
    pub(crate) fn age(&self, pod: &Pod) -> (u64, String, String, String) {
        let meta = &pod.metadata;
        let born = self.born.get(&(meta.namespace.clone(), meta.name.clone())).copied().unwrap_or_default();
        (born, meta.creation_timestamp.clone(), meta.namespace.clone(), meta.name.clone())
    }

    /// Has the pod's controller make it anew, as it is and without a node; `None` where it has no controller. What it takes
    /// of quotas stays.
    pub(crate) fn make_anew(&mut self, pod: &Pod) -> Option<String> {
        let (namespace, old) = (pod.metadata.namespace.clone(), pod.metadata.name.clone());
        let owner = pod.metadata.controller().cloned();
        self.snapshot.pods.remove(&namespace, &old);
        self.openings += 1;
        let owner = owner?;
        let number = self.next();
        let name = match owner.kind.as_str() {
            "StatefulSet" => old.clone(),
            _ => self.generate_name(&format!("{}-", owner.name)),
        };
        let mut fresh = Pod { metadata: pod.metadata.clone(), spec: pod.spec.clone(), ..Pod::default() };
        fresh.metadata.name.clone_from(&name);
        fresh.metadata.uid = format!("00000000-0000-4000-8000-{number:012}");
        fresh.metadata.creation_timestamp.clone_from(&self.now);
        fresh.spec.node_name.clear();
        "Pending".clone_into(&mut fresh.status.phase);
        self.snapshot.pods.insert(fresh);
        self.born.insert((namespace, name.clone()), number);
        let names = self.owned.entry(owner.uid).or_default();
        names.remove(&old);
        names.insert(name.clone());
        Some(name)
    }

    /// Has a pod run on a node: kubelets are taken to start what they are given.
    pub(crate) fn run(&mut self, namespace: &str, name: &str, node: &str) {
        let Some(pod) = self.snapshot.pods.get(namespace, name).found() else { return };
        let mut pod = Pod::clone(pod);
        node.clone_into(&mut pod.spec.node_name);
        "Running".clone_into(&mut pod.status.phase);
        pod.status.nominated_node_name = String::new();
        let condition = |kind: &str| json!({ "type": kind, "status": "True", "lastTransitionTime": self.now });
        let conditions = ["PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"];
        let conditions = conditions.iter().map(|kind| serde_json::from_value(condition(kind)));
        pod.status.conditions = conditions.filter_map(Result::ok).collect();
        self.snapshot.pods.insert(pod);
    }
}

/// Whether a pod has a node and is ready there.
pub(crate) fn available(pod: &Pod) -> bool {
    pod.assigned() && pod.condition("Ready").is_none_or(|ready| ready.status == "True")
}

/// The phase in which the controllers leave a new object.
fn first_phase(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" | "PersistentVolumeClaim" => Some("Pending"),
        "PersistentVolume" => Some("Available"),
        "Namespace" => Some("Active"),
        _ => None,
    }
}

fn owner_uid(object: &Value) -> Option<&str> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    owners.iter().find(|owner| owner["controller"] == true).and_then(|owner| owner["uid"].as_str())
}

/// The key of an object that is stored.
pub(crate) fn key_of(object: &Value) -> Key {
    let namespace = Some(namespace_of(object).to_owned()).filter(|namespace| !namespace.is_empty());
    Key { kind: kind_of(object).to_owned(), namespace, name: name_of(object).to_owned() }
}

/// An owner reference that marks an object as a controller of another.
pub(crate) fn controlled_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": text(owner, "/apiVersion"), "kind": kind_of(owner), "name": name_of(owner), "uid": uid_of(owner),
        "controller": true, "blockOwnerDeletion": true,
    }])
}
