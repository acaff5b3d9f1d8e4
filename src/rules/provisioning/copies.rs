//! Classes that ask for more copies of a volume than the driver has nodes to put them on.

use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::model::{Kind, ObjectRef, StorageClass};

/// The last word of the parameters with which drivers are asked for copies of a volume, in lower case (Longhorn
/// `numberOfReplicas`, LINSTOR `autoPlace` and `placementCount`, Mayastor and Portworx `repl`).
const PARAMETERS: &[&str] = &["numberofreplicas", "autoplace", "placementcount", "repl", "replicas", "replicacount"];

/// More copies than nodes.
pub(in crate::rules) struct Copies {
    /// `class longhorn asks for 3 copies (numberOfReplicas), and driver … is on 2 nodes`.
    pub(in crate::rules) text: String,
    pub(in crate::rules) fact: Evidence,
}

/// Whether a class asks for more copies than there are nodes with its driver, as far as all nodes are known.
pub(in crate::rules) fn more_copies_than_nodes(cx: &Context<'_>, class: &StorageClass) -> Option<Copies> {
    let nodes = cx.index.nodes_with(&class.provisioner)?.len();
    let of_copies = |key: &str| {
        let word = key.rsplit(['/', '.']).next().unwrap_or_default().to_lowercase();
        PARAMETERS.contains(&word.as_str())
    };
    let mut asked = class.parameters.iter().filter(|(key, _)| of_copies(key));
    let (key, asked) = asked.find_map(|(key, value)| Some((key, value.parse::<usize>().ok()?)))?;
    if asked <= nodes || cx.unread_anywhere(&[Kind::CSINode]).is_some() {
        return None;
    }
    let name = &class.metadata.name;
    let on = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
    let driver = &class.provisioner;
    let text = format!("class {name} asks for {asked} copies ({key}), and driver {driver} is on {on}");
    let note = format!("each copy goes to a node of its own, and the driver is registered on {on}");
    let object = ObjectRef::new(Kind::StorageClass, "", name);
    Some(Copies { text, fact: Context::fact(object, &format!("parameters[{key}]"), asked.to_string(), note) })
}
