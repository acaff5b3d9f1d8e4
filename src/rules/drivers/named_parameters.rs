//! What a driver's words name of the class and of the node.

use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::model::{Kind, Node, ObjectRef, StorageClass};
use crate::rules::attaching::placed::node_ref;

/// How long a value must be before it names something, in characters: as a word of its own, and within another.
const TELLING: usize = 3;
const SHORTEST: usize = 4;
/// The label with the kind of machine.
const MACHINE: &str = "node.kubernetes.io/instance-type";

/// The parameters of a class whose values the words have.
pub(in crate::rules) fn named_parameters(class: &StorageClass, words: &str) -> Vec<Evidence> {
    let object = ObjectRef::new(Kind::StorageClass, "", &class.metadata.name);
    let of_words: Vec<&str> = words.split(|c: char| !(c.is_alphanumeric() || "-_./:".contains(c))).collect();
    let has = |value: &str| {
        of_words.iter().any(|word| word.trim_matches('.') == value) || words.contains(value) && value.len() >= SHORTEST
    };
    let named =
        class.parameters.iter().filter(|(key, value)| !key.contains("secret") && value.len() >= TELLING && has(value));
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
