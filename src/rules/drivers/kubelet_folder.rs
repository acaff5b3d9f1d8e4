//! Distributions whose kubelet does not live in `/var/lib/kubelet`, as their nodes show.

use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::model::Node;
use crate::rules::attaching::placed::node_ref;

/// What a node shows of its distribution, and where that has its kubelet.
struct Home {
    /// What people call the distribution.
    distribution: &'static str,
    sign: Sign,
    folder: &'static str,
}

/// How a node shows its distribution.
enum Sign {
    /// A label.
    Label(&'static str),
    /// The build metadata of the kubelet's version: `v1.36.2+k0s`.
    Build(&'static str),
}

/// MicroK8s and k0s start their kubelets with a `--root-dir` of their own (MicroK8s `microk8s-resources/default-args/kubelet`,
/// k0s `pkg/component/worker/kubelet.go`).
const HOMES: &[Home] = &[
    Home {
        distribution: "MicroK8s",
        sign: Sign::Label("microk8s.io/cluster"),
        folder: "/var/snap/microk8s/common/var/lib/kubelet",
    },
    Home { distribution: "k0s", sign: Sign::Build("k0s"), folder: "/var/lib/k0s/kubelet" },
];

/// The folder of the kubelet on a node, and the fact that shows it; nothing where the node is of no distribution that has
/// another than `/var/lib/kubelet`.
pub(super) fn kubelet_home(node: &Node) -> Option<(&'static str, Evidence)> {
    HOMES.iter().find_map(|home| {
        let (path, value) = shown(node, &home.sign)?;
        let note = format!("the node is of {}, whose kubelet lives in {}", home.distribution, home.folder);
        Some((home.folder, Context::fact(node_ref(&node.metadata.name), &path, value, note)))
    })
}

fn shown(node: &Node, sign: &Sign) -> Option<(String, String)> {
    match sign {
        Sign::Label(label) => {
            let value = node.metadata.labels.get(*label)?;
            Some((format!("metadata.labels[{label}]"), value.clone()))
        }
        Sign::Build(build) => {
            let version = &node.status.node_info.kubelet_version;
            let (_, metadata) = version.split_once('+')?;
            let named = metadata.split(['.', '-']).any(|word| word == *build);
            named.then(|| ("status.nodeInfo.kubeletVersion".to_owned(), version.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(node: &serde_json::Value) -> Option<&'static str> {
        let node: Node = serde_json::from_value(node.clone()).unwrap();
        kubelet_home(&node).map(|(folder, _)| folder)
    }

    #[test]
    fn a_distribution_is_known_by_its_label_or_its_kubelets_build() {
        let version = |version: &str| serde_json::json!({"status": {"nodeInfo": {"kubeletVersion": version}}});
        assert_eq!(folder(&version("v1.36.2+k0s")), Some("/var/lib/k0s/kubelet"));
        assert_eq!(folder(&version("v1.36.2+k0s.0")), Some("/var/lib/k0s/kubelet"));
        assert_eq!(folder(&version("v1.36.2+k3s1")), None);
        assert_eq!(folder(&version("v1.36.2")), None);
        let labelled = serde_json::json!({"metadata": {"labels": {"microk8s.io/cluster": "true"}}});
        assert_eq!(folder(&labelled), Some("/var/snap/microk8s/common/var/lib/kubelet"));
    }
}
