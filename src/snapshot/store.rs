//! The objects of one kind, sorted by namespace and name.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, OnceLock};

use foldhash::fast::{FixedState, RandomState};

use super::coverage::{Broken, Scope};
use crate::model::Object;

/// The answer to "is there an object of this name?"
#[derive(Debug)]
pub enum Lookup<'a, T> {
    /// It is there.
    Found(&'a Arc<T>),
    /// We looked, and it is not there.
    Absent,
    /// We could not look.
    Unknown,
}

impl<'a, T> Lookup<'a, T> {
    /// The object, where there is one for certain.
    pub fn found(self) -> Option<&'a Arc<T>> {
        match self {
            Lookup::Found(object) => Some(object),
            Lookup::Absent | Lookup::Unknown => None,
        }
    }

    /// Whether we looked and it is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Lookup::Absent)
    }
}

/// Positions of objects by the hash of what they refer to.
pub(super) type Referrers = HashMap<u64, Vec<usize>, RandomState>;

/// The objects of one kind. Cloning is cheap; the order never depends on the input's.
#[derive(Clone, Debug)]
pub struct Store<T> {
    items: Arc<Vec<Arc<T>>>,
    index: Index,
    /// Made when first asked for; copies share it for as long as they hold the same objects.
    referrers: Arc<OnceLock<Referrers>>,
    scope: Scope,
    broken: Arc<Vec<Broken>>,
}

impl<T: Object> Store<T> {
    /// Takes what was read. Of objects with the same name the one with the newest resource version stays.
    pub fn new(mut items: Vec<Arc<T>>, scope: Scope, broken: Vec<Broken>) -> Self {
        items.sort_by(|a, b| key(&**a).cmp(&key(&**b)).then_with(|| version(&**b).cmp(&version(&**a))));
        items.dedup_by(|later, earlier| key(&**later) == key(&**earlier));
        let index = items.iter().enumerate().map(|(position, item)| (hash(key(&**item)), position)).collect();
        Self {
            items: Arc::new(items),
            index: Index { positions: Arc::new(index), moves: Vec::new() },
            referrers: Arc::default(),
            scope,
            broken: Arc::new(broken),
        }
    }

    /// Looks an object up; cluster-scoped objects have an empty namespace.
    pub fn get(&self, namespace: &str, name: &str) -> Lookup<'_, T> {
        match self.find(namespace, name) {
            Some(position) => Lookup::Found(&self.items[position]),
            None if self.scope.covers_object(namespace, name) && !self.may_be_broken(namespace, name) => Lookup::Absent,
            None => Lookup::Unknown,
        }
    }

    fn may_be_broken(&self, namespace: &str, name: &str) -> bool {
        self.broken.iter().any(|broken| {
            broken.name.is_empty() || broken.name == name && (broken.namespace == namespace || namespace.is_empty())
        })
    }

    /// Every object of the cluster, or `None` where not all could be read.
    pub fn all(&self) -> Option<&[Arc<T>]> {
        self.complete().then_some(self.items.as_slice())
    }

    /// Whatever was read, be it all or not.
    pub fn seen(&self) -> &[Arc<T>] {
        &self.items
    }

    /// What was read of a namespace.
    pub fn in_namespace(&self, namespace: &str) -> &[Arc<T>] {
        let start = self.items.partition_point(|item| item.meta().namespace.as_str() < namespace);
        let length = self.items[start..].partition_point(|item| item.meta().namespace == namespace);
        &self.items[start..start + length]
    }

    /// The objects that refer to `key`, in the order in which `index` has them, and perhaps others whose key has the same
    /// hash. A kind has one such index.
    pub(super) fn referring(
        &self,
        key: impl Hash,
        index: impl FnOnce(&[Arc<T>]) -> Referrers,
    ) -> impl Iterator<Item = &T> {
        let found = self.referrers.get_or_init(|| index(&self.items)).get(&hash(key));
        found.into_iter().flatten().map(|position| &*self.items[*position])
    }

    /// Whether this and a store cloned from it, or the other way round, still hold the same objects.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.items, &other.items)
    }

    /// Whether every object of the cluster was read and understood, or the kind is presumed empty.
    pub fn complete(&self) -> bool {
        self.scope.covers_all() && self.broken.is_empty()
    }

    /// Whether the kind is taken for empty only because the dump of a whole cluster holds no object of it.
    pub fn presumed(&self) -> bool {
        self.scope == Scope::Presumed
    }

    /// Says how much was read, in place of what was said before. The objects stay.
    pub(crate) fn cover(&mut self, scope: Scope) {
        self.scope = scope;
    }

    /// Whether every object of the namespace was read and understood.
    pub fn covers(&self, namespace: &str) -> bool {
        self.scope.covers(namespace) && !self.broken.iter().any(|b| b.namespace.is_empty() || b.namespace == namespace)
    }

    /// How much was read.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The objects that could not be decoded.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Adds objects that were read later, in the place of those with the same names.
    pub(crate) fn absorb<'b>(&mut self, objects: Vec<Arc<T>>, broken: impl Iterator<Item = &'b Broken>)
    where
        T: Clone,
    {
        for object in objects {
            self.insert(Arc::unwrap_or_clone(object));
        }
        let more: Vec<Broken> = broken.cloned().collect();
        if !more.is_empty() {
            Arc::make_mut(&mut self.broken).extend(more);
        }
    }

    /// Adds an object, in the place of one with the same name.
    pub fn insert(&mut self, object: T) {
        let position = self.position(&object.meta().namespace, &object.meta().name);
        let items = Arc::make_mut(&mut self.items);
        self.referrers = Arc::default();
        match position {
            Ok(position) => items[position] = Arc::new(object),
            Err(position) => {
                items.insert(position, Arc::new(object));
                self.index.moved(Move::Inserted(position));
            }
        }
    }

    /// Removes an object; says whether it was there.
    pub fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let Ok(position) = self.position(namespace, name) else { return false };
        Arc::make_mut(&mut self.items).remove(position);
        self.referrers = Arc::default();
        self.index.moved(Move::Removed(position));
        true
    }

    fn find(&self, namespace: &str, name: &str) -> Option<usize> {
        let wanted = (namespace, name);
        match self.index.position(hash(wanted)) {
            Indexed::At(position) if key(&*self.items[position]) == wanted => Some(position),
            Indexed::Nowhere => None,
            Indexed::At(_) | Indexed::Unknown => self.position(namespace, name).ok(),
        }
    }

    /// Where the object is, or where it would be.
    fn position(&self, namespace: &str, name: &str) -> Result<usize, usize> {
        self.items.binary_search_by(|item| key(&**item).cmp(&(namespace, name)))
    }
}

/// Positions of objects by the hash of namespace and name, and what has moved since it was made. Copies share it.
#[derive(Clone, Debug)]
struct Index {
    positions: Arc<HashMap<u64, usize, RandomState>>,
    moves: Vec<Move>,
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Inserted(usize),
    Removed(usize),
}

/// What an index says of a hash.
enum Indexed {
    /// The object is here, unless another with the same hash is.
    At(usize),
    Nowhere,
    Unknown,
}

impl Index {
    /// Beyond as many moves bisection is as quick.
    const MOVES: usize = 64;

    fn moved(&mut self, step: Move) {
        if self.moves.len() <= Self::MOVES {
            self.moves.push(step);
        }
    }

    fn position(&self, hash: u64) -> Indexed {
        if self.moves.len() > Self::MOVES {
            return Indexed::Unknown;
        }
        let Some(start) = self.positions.get(&hash) else {
            return if self.moves.is_empty() { Indexed::Nowhere } else { Indexed::Unknown };
        };
        let mut position = *start;
        for step in &self.moves {
            match step {
                Move::Inserted(at) if *at <= position => position += 1,
                Move::Removed(at) if *at == position => return Indexed::Unknown,
                Move::Removed(at) if *at < position => position -= 1,
                Move::Inserted(_) | Move::Removed(_) => {}
            }
        }
        Indexed::At(position)
    }
}

/// What only the first of two stores has, and what only the second has. Objects that both share are taken for equal
/// without a look at them, so that this costs next to nothing where one store was cloned from the other.
pub fn differences<'a, T: Object>(old: &'a Store<T>, new: &'a Store<T>) -> (Vec<&'a T>, Vec<&'a T>) {
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    if old.same(new) {
        return (gone, come);
    }
    let (mut left, mut right) = (old.items.iter().peekable(), new.items.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => {
                left.next();
                right.next();
            }
            (Some(a), Some(b)) => match key(&***a).cmp(&key(&***b)) {
                Ordering::Less => gone.extend(left.next().map(|item| &**item)),
                Ordering::Greater => come.extend(right.next().map(|item| &**item)),
                Ordering::Equal => {
                    gone.extend(left.next().map(|item| &**item));
                    come.extend(right.next().map(|item| &**item));
                }
            },
            (Some(_), None) => gone.extend(left.next().map(|item| &**item)),
            (None, Some(_)) => come.extend(right.next().map(|item| &**item)),
            (None, None) => return (gone, come),
        }
    }
}

fn key<T: Object>(object: &T) -> (&str, &str) {
    (&object.meta().namespace, &object.meta().name)
}

pub(super) fn hash(key: impl Hash) -> u64 {
    FixedState::default().hash_one(key)
}

fn version<T: Object>(object: &T) -> (u64, &str) {
    let version = object.meta().resource_version.as_str();
    (version.parse().unwrap_or(0), version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Node};
    use crate::snapshot::Problem;

    fn node(name: &str, version: &str) -> Arc<Node> {
        let mut node = Node::default();
        node.metadata.name = name.to_owned();
        node.metadata.resource_version = version.to_owned();
        Arc::new(node)
    }

    #[test]
    fn absent_and_unknown_are_told_apart() {
        let read = Store::new(vec![node("a", "1")], Scope::All, Vec::new());
        assert!(read.get("", "a").found().is_some());
        assert!(read.get("", "b").is_absent());
        let unread = Store::<Node>::new(Vec::new(), Scope::Nothing(Problem::Forbidden), Vec::new());
        assert!(matches!(unread.get("", "a"), Lookup::Unknown));
        assert!(unread.all().is_none());
    }

    #[test]
    fn a_broken_object_is_unknown_not_absent() {
        let broken = |name: &str| Broken {
            kind: Kind::Node,
            namespace: String::new(),
            name: name.to_owned(),
            origin: String::new(),
            error: String::new(),
        };
        let store = Store::new(vec![node("a", "1")], Scope::All, vec![broken("b")]);
        assert!(matches!(store.get("", "b"), Lookup::Unknown));
        assert!(store.get("", "c").is_absent());
        let store = Store::new(vec![node("a", "1")], Scope::All, vec![broken("")]);
        assert!(matches!(store.get("", "c"), Lookup::Unknown), "a nameless broken object could be any");
    }

    #[test]
    fn objects_are_found_after_others_came_and_went() {
        let mut store = Store::new(vec![node("a", "1"), node("c", "1")], Scope::All, Vec::new());
        let found = |store: &Store<Node>| -> String {
            ["a", "b", "c"].iter().filter(|name| store.get("", name).found().is_some()).copied().collect()
        };
        assert_eq!(found(&store), "ac");
        store.insert(Node::clone(&node("b", "1")));
        assert_eq!(found(&store), "abc");
        store.remove("", "a");
        assert_eq!(found(&store), "bc");
    }

    #[test]
    fn every_object_is_found_however_many_moved() {
        let mut store =
            Store::new(Vec::from_iter((0..400).map(|n| node(&format!("n{n:03}"), "1"))), Scope::All, Vec::new());
        for round in 0..90 {
            let (gone, come) = ((round * 37) % 400, (round * 53) % 400);
            store.remove("", &format!("n{gone:03}"));
            store.insert(Node::clone(&node(&format!("n{come:03}-new"), "1")));
            let names: Vec<&str> = store.seen().iter().map(|node| node.metadata.name.as_str()).collect();
            let missed =
                names.iter().find(|name| store.get("", name).found().is_none_or(|it| it.metadata.name != **name));
            assert_eq!(missed, None, "round {round}");
            assert!(store.get("", &format!("n{gone:03}")).is_absent(), "round {round}");
        }
    }

    #[test]
    fn differences_are_what_was_removed_added_or_replaced() {
        let old = Store::new(vec![node("a", "1"), node("b", "1"), node("d", "1")], Scope::All, Vec::new());
        let mut new = old.clone();
        assert!(old.same(&new));
        new.remove("", "a");
        for (name, version) in [("c", "1"), ("d", "2"), ("e", "1")] {
            new.insert(Node::clone(&node(name, version)));
        }
        let of = |nodes: Vec<&Node>| nodes.iter().map(|node| node.metadata.name.clone()).collect::<Vec<_>>().join(" ");
        let (gone, come) = differences(&old, &new);
        assert_eq!((of(gone).as_str(), of(come).as_str()), ("a d", "c d e"));
        assert!(!old.same(&new));
    }

    #[test]
    fn the_newest_of_two_with_one_name_stays_whatever_the_order() {
        for items in [vec![node("a", "9"), node("a", "10")], vec![node("a", "10"), node("a", "9")]] {
            let store = Store::new(items, Scope::All, Vec::new());
            assert_eq!(store.seen().len(), 1);
            assert_eq!(store.seen()[0].metadata.resource_version, "10");
        }
    }
}
