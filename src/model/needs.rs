//! The rights that reading takes: the one table behind `docs/rbac.yaml` and `docs/rbac.md`.

use super::Kind;

/// A right, and what reports cannot say without it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// The kind that may be listed in the whole cluster.
    pub kind: Kind,
    /// What is lost where it may not.
    pub lost: &'static str,
}

/// Every right, in the order of [`Kind::ALL`]; one for each kind that a server is asked for.
pub(crate) const NEEDS: &[Need] = &[
    need(Kind::Pod, "nothing can be said of pods, nor of room on nodes, since running pods take it"),
    need(Kind::Node, "no pod can be judged: it is unknown which nodes there are, and their taints, labels and room"),
    need(Kind::PersistentVolumeClaim, "nothing can be said of claims, nor of pods that use them"),
    need(Kind::PersistentVolume, "what a bound claim ties its pod to, and which volumes could be bound, is unknown"),
    need(Kind::StorageClass, "missing classes, binding modes and allowed topologies are unknown"),
    need(Kind::VolumeAttributesClass, "a claim's missing VolumeAttributesClass is not noticed"),
    need(Kind::CSIDriver, "whether a driver promises storage capacity or needs attaching is unknown"),
    need(Kind::CSINode, "on which nodes a driver runs, and how many volumes they take, is unknown"),
    need(
        Kind::CSIStorageCapacity,
        "room in storage is unknown: `capacity` is empty, and too small is not told from missing",
    ),
    need(Kind::VolumeAttachment, "stuck attachments, and volumes that count against a node's limit, are not seen"),
    need(Kind::Namespace, "affinity terms and webhooks that select namespaces by label cannot be judged"),
    need(Kind::Event, "what the cluster itself wrote about pods, claims and workloads is not shown"),
    need(Kind::MutatingWebhookConfiguration, "who injected a resource into a pod is unknown"),
    need(Kind::ValidatingWebhookConfiguration, "who refuses new pods or claims is unknown"),
    need(Kind::Service, "whether a webhook's service exists is unknown"),
    need(Kind::EndpointSlice, "whether anything answers for a webhook's service is unknown"),
    need(Kind::StatefulSet, "pods that do not exist yet, claim templates, and what admission added are unknown"),
    need(Kind::Deployment, "who owns a pod in the end, and which provisioners and schedulers should run, is unknown"),
    need(Kind::ReplicaSet, "what admission added to a Deployment's pod, and pods that could not be made, are unknown"),
    need(Kind::DaemonSet, "which nodes a driver's plugin should run on is unknown"),
    need(Kind::Job, "what admission added to a Job's pod is unknown"),
    need(Kind::PodDisruptionBudget, "what preemption would leave alone is unknown"),
    need(Kind::PriorityClass, "a pod's missing PriorityClass, and what may be preempted, is unknown"),
    need(Kind::ResourceQuota, "a quota that keeps pods or claims from being made is not seen"),
    need(Kind::LimitRange, "requests that a LimitRange adds, and claims that it refuses, are not explained"),
    need(Kind::ResourceClaim, "pods with dynamic resources cannot be judged"),
    need(Kind::ResourceSlice, "pods with dynamic resources cannot be judged"),
    need(Kind::DeviceClass, "pods with dynamic resources cannot be judged"),
];

const fn need(kind: Kind, lost: &'static str) -> Need {
    Need { kind, lost }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The only verb that objects are read with.
    const VERB: &str = "list";
    /// The only path outside the resources that is read.
    const PATH: &str = "/version";

    /// The manifest of `docs/rbac.yaml`: a role with exactly these rights, and a binding.
    fn manifest() -> String {
        let mut groups: Vec<&str> = NEEDS.iter().map(|need| need.kind.group()).collect();
        groups.sort_unstable();
        groups.dedup();
        let rules: String = groups.into_iter().map(rule).collect();
        format!("{HEAD}{rules}  - nonResourceURLs: [{PATH}]\n    verbs: [get]\n{BINDING}")
    }

    fn rule(group: &str) -> String {
        let resources = NEEDS.iter().filter(|need| need.kind.group() == group).map(|need| need.kind.plural());
        let resources: String = resources.map(|plural| format!("      - {plural}\n")).collect();
        let group = if group.is_empty() { "\"\"" } else { group };
        format!("  - apiGroups: [{group}]\n    resources:\n{resources}    verbs: [{VERB}]\n")
    }

    /// The table of `docs/rbac.md`.
    fn table() -> String {
        let row = |need: &Need| {
            let group = if need.kind.group().is_empty() { "core" } else { need.kind.group() };
            format!("| `{}` | {group} | {} |\n", need.kind.plural(), need.lost)
        };
        let rows: String = NEEDS.iter().map(row).collect();
        format!("| list | group | without it |\n|---|---|---|\n{rows}")
    }

    const HEAD: &str = "\
# What kubectl-storagewhy reads, and nothing more: no Secrets, no ConfigMaps, no writing, no watching.
# docs/rbac.md says what is lost without each right.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: storagewhy
rules:
";

    const BINDING: &str = "\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: storagewhy
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: storagewhy
subjects:
  - apiGroup: rbac.authorization.k8s.io
    kind: Group
    name: storagewhy-users
";

    #[test]
    fn every_kind_has_its_right_and_no_other() {
        let kinds: Vec<Kind> = NEEDS.iter().map(|need| need.kind).collect();
        let listed: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.listed()).collect();
        assert_eq!(kinds, listed);
        assert!(!manifest().contains("- secrets") && !manifest().contains("- configmaps"));
    }

    #[test]
    fn docs_hold_the_manifest_and_the_table() {
        let (yaml, page) = (include_str!("../../docs/rbac.yaml"), include_str!("../../docs/rbac.md"));
        assert!(yaml == manifest(), "docs/rbac.yaml should be:\n{}", manifest());
        assert!(page.contains(&table()), "docs/rbac.md should hold this table:\n{}", table());
        assert!(page.contains(PATH));
    }
}
