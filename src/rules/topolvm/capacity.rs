//! What TopoLVM's agents on the nodes report as free: an annotation for each device class
//! (TopoLVM, `internal/runners/metrics_exporter.go`).

use std::collections::BTreeSet;

use crate::admission::injector::topolvm_domain;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::Step;
use crate::diagnosis::text::names;
use crate::model::quantity::short_bytes;
use crate::model::{Node, ObjectRef, StorageClass};
use crate::rules::attaching::placed::node_ref;
use crate::rules::drivers::driver::{log_step, node_plugin, pod_on};

/// The device class that a class means which names none.
const DEFAULT: &str = "00default";

/// Whether the driver is TopoLVM's.
pub(in crate::rules) fn is_topolvm(driver: &str) -> bool {
    topolvm_domain(&format!("{driver}/capacity")).is_some()
}

/// The device class of a storage class.
pub(in crate::rules) fn device_class(class: &StorageClass) -> &str {
    let named = class.parameters.get(&format!("{}/device-class", class.provisioner));
    named.map(String::as_str).filter(|name| !name.is_empty()).unwrap_or(DEFAULT)
}

/// What an agent reports as free for a storage class, as text and in bytes; the default class has two names.
fn reported<'n>(node: &'n Node, class: &StorageClass) -> Option<(String, &'n str)> {
    let key = format!("capacity.{}/{}", class.provisioner, device_class(class));
    let value = node.metadata.annotations.get(&key)?;
    Some((key, value))
}

/// What the agents of nodes report, beside what is published for them.
pub(in crate::rules) fn agent_facts<'n>(
    class: &'n StorageClass,
    nodes: impl IntoIterator<Item = &'n Node>,
) -> Vec<Evidence> {
    if !is_topolvm(&class.provisioner) {
        return Vec::new();
    }
    let fact = |node: &Node| {
        let object = node_ref(&node.metadata.name);
        match reported(node, class) {
            Some((key, free)) => {
                let shown = free.parse().map_or_else(|_| free.to_owned(), short_bytes);
                let note = match free {
                    "0" => {
                        "TopoLVM's agent finds nothing free: the spare (spare-gb, 10 by default) takes what there is, or \
                            the volume group or thin pool has another name than lvmd's configuration says"
                    }
                    _ => "TopoLVM's agent there reports that as free",
                };
                Context::fact(object, &format!("metadata.annotations[{key}]"), shown, note)
            }
            None => Context::fact(
                object,
                "metadata.annotations",
                format!("none for device class {}", device_class(class)),
                "TopoLVM's agent there reports nothing for it",
            ),
        }
    };
    nodes.into_iter().take(3).map(fact).collect()
}

/// The device classes that the agents report, where the one of the storage class is not among them.
pub(in crate::rules) fn unknown_device_class(cx: &Context<'_>, class: &StorageClass) -> Option<Vec<String>> {
    if !is_topolvm(&class.provisioner) {
        return None;
    }
    let prefix = format!("capacity.{}/", class.provisioner);
    let keys = cx.snapshot.nodes.seen().iter().flat_map(|node| node.metadata.annotations.keys());
    let known: BTreeSet<&str> = keys.filter_map(|key| key.strip_prefix(&prefix)).collect();
    let missing = !known.is_empty() && !known.contains(device_class(class)) && cx.snapshot.nodes.complete();
    missing.then(|| known.into_iter().filter(|name| *name != DEFAULT).map(str::to_owned).collect())
}

/// The device class that a storage class names, and those that there are.
pub(in crate::rules) fn device_class_fact(class: &StorageClass, known: &[String]) -> Evidence {
    let path = format!("parameters[{}/device-class]", class.provisioner);
    let note = match known {
        [] => "no node reports a device class of this name".to_owned(),
        known => format!("no node reports a device class of this name; there are {}", names(known)),
    };
    Context::fact(
        ObjectRef::new(crate::model::Kind::StorageClass, "", &class.metadata.name),
        &path,
        device_class(class),
        note,
    )
}

/// Where it is told which volume group a device class is, and how much of it is spared.
pub(in crate::rules) fn lvmd_looks(cx: &Context<'_>, driver: &str, node: &Node) -> Vec<Step> {
    let Some(part) = node_plugin(cx, driver, node) else { return Vec::new() };
    let command = kubectl(&["get", "configmaps", "-o", "yaml"], &[], &[("-n", part.namespace)]);
    let what = "Read lvmd's configuration (lvmd.yaml): its device classes, their volume groups and spare-gb";
    let log = pod_on(cx, &part, &node.metadata.name).map(|pod| {
        let what = format!("Read what TopoLVM's agent says on node {}", node.metadata.name);
        log_step(what, part.namespace, &pod.metadata.name, part.driver_container())
    });
    [Step { command, ..Step::told(what) }].into_iter().chain(log).collect()
}
