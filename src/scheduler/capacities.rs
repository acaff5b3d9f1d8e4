//! CSIStorageCapacity objects by class and by a label that they ask of nodes, so that a node's are found at once.

use std::collections::HashMap;

use crate::model::{CsiStorageCapacity, Node};
use crate::snapshot::Snapshot;

/// The capacity objects of a snapshot.
#[derive(Debug)]
pub(crate) struct Capacities<'a> {
    classes: HashMap<&'a str, OfClass<'a>>,
}

#[derive(Debug, Default)]
struct OfClass<'a> {
    by_label: HashMap<(&'a str, &'a str), Vec<&'a CsiStorageCapacity>>,
    /// Those without a plain label to look up by.
    others: Vec<&'a CsiStorageCapacity>,
}

impl<'a> Capacities<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let mut classes: HashMap<&str, OfClass<'_>> = HashMap::new();
        for capacity in snapshot.capacities.seen() {
            let class = classes.entry(&capacity.storage_class_name).or_default();
            match capacity.node_topology.as_ref().and_then(|topology| topology.match_labels.iter().next()) {
                Some((key, value)) => class.by_label.entry((key, value)).or_default().push(capacity),
                None => class.others.push(capacity),
            }
        }
        Self { classes }
    }

    /// The objects of a class whose topology takes the node in; one without a topology takes none in.
    pub(crate) fn on<'s>(&'s self, class: &str, node: &'s Node) -> impl Iterator<Item = &'a CsiStorageCapacity> + 's {
        let labels = &node.metadata.labels;
        self.classes.get(class).into_iter().flat_map(move |class| {
            let by_label = labels.iter().filter_map(|(key, value)| class.by_label.get(&(key.as_str(), value.as_str())));
            let candidates = by_label.flatten().chain(&class.others).copied();
            candidates
                .filter(|capacity| capacity.node_topology.as_ref().is_some_and(|topology| topology.matches(labels)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Builder, Scope};

    fn snapshot() -> Snapshot {
        let topology = |name: &str, topology: serde_json::Value| {
            serde_json::json!({"metadata": {"name": name, "namespace": "s"}, "storageClassName": "fast",
                "nodeTopology": topology, "capacity": "1Gi"})
        };
        let mut builder = Builder::default();
        for object in [
            topology("none", serde_json::Value::Null),
            topology("all", serde_json::json!({})),
            topology("a", serde_json::json!({"matchLabels": {"host": "a"}})),
            topology("a-and-rack", serde_json::json!({"matchLabels": {"host": "a", "rack": "1"}})),
            topology("any-host", serde_json::json!({"matchExpressions": [{"key": "host", "operator": "Exists"}]})),
        ] {
            builder.add(crate::model::Kind::CSIStorageCapacity, object).unwrap_or_else(|error| panic!("{error}"));
        }
        builder.build(&Scope::All)
    }

    #[test]
    fn every_object_that_takes_the_node_in_is_found_and_no_other() {
        let snapshot = snapshot();
        let capacities = Capacities::new(&snapshot);
        let on = |labels: &[(&str, &str)], class: &str| {
            let mut node = Node::default();
            node.metadata.labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let mut names: Vec<String> = capacities.on(class, &node).map(|found| found.metadata.name.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(on(&[("host", "a")], "fast"), ["a", "all", "any-host"]);
        assert_eq!(on(&[("host", "a"), ("rack", "1")], "fast"), ["a", "a-and-rack", "all", "any-host"]);
        assert_eq!(on(&[("rack", "1")], "fast"), ["all"]);
        assert!(on(&[("host", "a")], "slow").is_empty());
    }
}
