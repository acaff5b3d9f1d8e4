//! What shows why a driver isn't registered on a node.

use super::{Absence, Shown, beside, taint_texts};
use crate::dependencies::Part;
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::model::Pod;
use crate::rules::drivers::driver::KeepsOff;
use crate::rules::starting::containers::{Fault, fault};

impl Absence<'_> {
    /// The facts behind the cause.
    pub(in crate::rules) fn facts(&self, cx: &Context<'_>) -> Vec<Evidence> {
        match self {
            Self::NotInstalled | Self::Unknown => Vec::new(),
            Self::VirtualNode(_) => Vec::new(),
            Self::Pending(part, pod) => {
                let note = format!("it would bring the driver to the node, as a pod of {}", part.words());
                vec![Context::fact(pod_ref(pod), "spec.nodeName", "none yet", note)]
            }
            Self::KeptOff(part, keeps) => vec![keeps_fact(part, keeps)],
            Self::NoPod(part, event) => {
                let value = event.map_or("no event says why".to_owned(), |event| event.message.clone());
                vec![Context::fact(part.object(), "events", value, "its pod on the node does not exist")]
            }
            Self::Broken(part, pod) | Self::PartBroken(part, pod) => match fault(pod) {
                Some(fault) => {
                    let beside = beside(cx, part, pod);
                    fault.facts(cx).into_iter().chain(beside.iter().map(|fault| beside_fact(cx, fault))).collect()
                }
                None => vec![ready_fact(pod, "not True", "the driver registers once its pod runs")],
            },
            Self::OtherFolder { part, looks_in, lives_in, shown_by } => {
                let fact = |part: &Part<'_>, folder: &str, note: String| {
                    let (object, path) = part.place("volumes");
                    Context::fact(object, &path, folder, note)
                };
                let shown = match shown_by {
                    Shown::Node(fact) => fact.clone(),
                    Shown::Plugin(plugin) => {
                        let words = plugin.words();
                        fact(
                            plugin,
                            lives_in,
                            format!("{words} uses this folder, and the kubelet there knows its driver"),
                        )
                    }
                };
                vec![fact(part, looks_in, "the folder in which it looks for the kubelet".to_owned()), shown]
            }
            Self::NotRegistered(_, pod) => {
                let note = "it runs; what it said to the kubelet is in the log of its registrar, and the kubelet must \
                            look for plugins in the directory that the pod mounts";
                vec![ready_fact(pod, "True", note)]
            }
        }
    }
}

fn beside_fact(cx: &Context<'_>, fault: &Fault<'_>) -> Evidence {
    let note = "it is of the same driver and does not run on the node either; the driver may fail for want of it";
    Context::fact(pod_ref(fault.pod), "status", fault.sentence(cx), note)
}

fn ready_fact(pod: &Pod, value: &str, note: &str) -> Evidence {
    Context::fact(pod_ref(pod), "status.conditions[Ready]", value.to_owned(), note)
}

fn keeps_fact(part: &Part<'_>, keeps: &KeepsOff<'_>) -> Evidence {
    let (path, value, note) = match keeps {
        KeepsOff::Taints(taints) => (
            "spec.template.spec.tolerations",
            format!("none for {}", taint_texts(taints)),
            "the node plugin's pods must tolerate the taints of every node that is to have the driver",
        ),
        KeepsOff::Selector { key, wanted, .. } => (
            "spec.template.spec.nodeSelector",
            format!("{key}: {wanted:?}"),
            "the node plugin's pods go to nodes with this label only",
        ),
        KeepsOff::Affinity { unmet } => (
            "spec.template.spec.affinity",
            if unmet.is_empty() { "does not admit the node".to_owned() } else { unmet.join(", ") },
            "the node plugin's pods go to nodes that it admits only",
        ),
    };
    Context::fact(part.object(), path, value, note)
}
