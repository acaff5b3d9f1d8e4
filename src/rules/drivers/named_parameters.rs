//! What a driver's words name of the class and of the node.

use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::model::{Kind, Node, ObjectRef, StorageClass};
use crate::rules::attaching::placed::node_ref;

/// How long a value must be before it names something, in characters.
const SHORTEST: usize = 3;
/// The label with the kind of machine.
const MACHINE: &str = "node.kubernetes.io/instance-type";

/// The parameters of a class whose values the words have.
pub(in crate::rules) fn named_parameters(class: &StorageClass, words: &str) -> Vec<Evidence> {
    let object = ObjectRef::new(Kind::StorageClass, "", &class.metadata.name);
    let part = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    let of_words: Vec<&str> = words.split(|c: char| !part(c)).map(|word| word.trim_matches('.')).collect();
    let has = |value: &str| if value.chars().all(part) { of_words.contains(&value) } else { words.contains(value) };
    let named =
        class.parameters.iter().filter(|(key, value)| !key.contains("secret") && value.len() >= SHORTEST && has(value));
    let note =
        "the words name it; the parameters of a class can't be changed, so another class must have another value";
    named
        .map(|(key, value)| Context::fact(object.clone(), &format!("parameters[{key}]"), value.clone(), note))
        .collect()
}

/// The kind of machine that a node is, where the words name it.
pub(in crate::rules) fn named_machine(node: &Node, words: &str) -> Option<Evidence> {
    let kind =
        node.metadata.labels.get(MACHINE).filter(|kind| kind.len() >= SHORTEST && words.contains(kind.as_str()))?;
    let path = format!("metadata.labels[{MACHINE}]");
    Some(Context::fact(node_ref(&node.metadata.name), &path, kind.clone(), "the words name the node's kind of machine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_counts_where_its_whole_value_is_named() {
        let class = serde_json::json!({"metadata": {"name": "c"}, "provisioner": "x",
            "parameters": {"clusterID": "ceph-prod", "pool": "a", "region": "prod"}});
        let class: StorageClass = serde_json::from_value(class).unwrap();
        let named = named_parameters(&class, "missing configuration for cluster ID \"ceph-prod\" a");
        assert_eq!(named.iter().map(|fact| fact.path.as_str()).collect::<Vec<_>>(), ["parameters[clusterID]"]);
    }
}
