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

/// A right to read what only some causes depend on, and what it buys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnDemand {
    pub kind: Kind,
    /// Whether all objects are listed; else they are read one by one, by their names.
    #[cfg_attr(not(test), expect(dead_code, reason = "the manifest and the tables in docs are made of it"))]
    pub listed: bool,
    /// What can be told with it.
    pub buys: &'static str,
}

/// Every right of that sort; one for each kind that a server is not always asked for but config maps, for which it never is.
pub(crate) const ON_DEMAND: &[OnDemand] = &[
    on_demand(Kind::ServiceAccount, false, "which cloud role a driver takes that is refused by its cloud"),
    on_demand(Kind::ClusterRole, false, "which right a driver's account lacks"),
    on_demand(Kind::ClusterRoleBinding, true, "which right a driver's account lacks"),
    on_demand(Kind::VolumeSnapshot, false, "why a claim can't be restored from a snapshot"),
    on_demand(Kind::VolumeSnapshot, true, "with --risks: which claims no snapshot is kept of"),
    on_demand(Kind::VolumeSnapshotClass, true, "why a claim can't be restored from a snapshot"),
    on_demand(Kind::VolumeSnapshotContent, false, "why a claim can't be restored from a snapshot"),
];

/// A right to list what `preflight` alone reads, and what is lost without it.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfPreflight {
    pub(crate) group: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) lost: &'static str,
}

/// Every right of that sort.
#[cfg(test)]
pub(crate) const PREFLIGHT: &[OfPreflight] = &[
    of_preflight("", "serviceaccounts", "whether the account is there that a pod names"),
    of_preflight("admissionregistration.k8s.io", "validatingadmissionpolicies", "whether a policy refuses anything"),
    of_preflight(
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
        "whether a policy refuses anything",
    ),
    of_preflight("admissionregistration.k8s.io", "mutatingadmissionpolicies", "whether a policy changes anything"),
    of_preflight(
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings",
        "whether a policy changes anything",
    ),
    of_preflight("apps", "controllerrevisions", "whether a set's template changes"),
    of_preflight("autoscaling", "horizontalpodautoscalers", "how many replicas autoscalers ask for"),
    of_preflight("batch", "cronjobs", "whether a CronJob is new"),
    of_preflight("networking.k8s.io", "ingressclasses", "how an Ingress that exists is changed"),
    of_preflight("networking.k8s.io", "ingresses", "how an Ingress that exists is changed"),
    of_preflight("networking.k8s.io", "networkpolicies", "how a NetworkPolicy that exists is changed"),
    of_preflight("node.k8s.io", "runtimeclasses", "the overhead and nodes of pods that name one"),
    of_preflight("rbac.authorization.k8s.io", "clusterroles", "how a ClusterRole that exists is changed"),
];

#[cfg(test)]
const fn of_preflight(group: &'static str, plural: &'static str, lost: &'static str) -> OfPreflight {
    OfPreflight { group, plural, lost }
}

const fn on_demand(kind: Kind, listed: bool, buys: &'static str) -> OnDemand {
    OnDemand { kind, listed, buys }
}

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
        let of = |group: &str| NEEDS.iter().filter(|need| need.kind.group() == group).map(|need| need.kind).collect();
        let rules: String = groups.into_iter().map(|group| rule(group, of(group), VERB)).collect();
        let first = format!("{rules}  - nonResourceURLs: [{PATH}]\n    verbs: [get]\n");
        let (head, more) = (head("storagewhy"), head("storagewhy-on-demand"));
        let (binding, more_binding) = (binding("storagewhy"), binding("storagewhy-on-demand"));
        let (third, third_binding) = (self::head("storagewhy-preflight"), self::binding("storagewhy-preflight"));
        format!(
            "{TITLE}{head}{first}{binding}{SECOND}{more}{}{more_binding}{THIRD}{third}{}{third_binding}",
            rules_on_demand(),
            rules_of_preflight()
        )
    }

    fn rules_of_preflight() -> String {
        let mut groups: Vec<&str> = PREFLIGHT.iter().map(|one| one.group).collect();
        groups.dedup();
        let of = |group: &str| PREFLIGHT.iter().filter(|one| one.group == group).map(|one| one.plural).collect();
        groups.into_iter().map(|group| plain_rule(group, of(group), VERB)).collect()
    }

    fn rules_on_demand() -> String {
        let mut groups: Vec<(&str, bool)> = ON_DEMAND.iter().map(|one| (one.kind.group(), one.listed)).collect();
        groups.sort_unstable();
        groups.dedup();
        let of = |group: &str, listed: bool| {
            ON_DEMAND
                .iter()
                .filter(|one| one.kind.group() == group && one.listed == listed)
                .map(|one| one.kind)
                .collect()
        };
        let verb = |listed: bool| if listed { VERB } else { "get" };
        groups.into_iter().map(|(group, listed)| rule(group, of(group, listed), verb(listed))).collect()
    }

    fn rule(group: &str, kinds: Vec<Kind>, verb: &str) -> String {
        plain_rule(group, kinds.into_iter().map(Kind::plural).collect(), verb)
    }

    fn plain_rule(group: &str, plurals: Vec<&str>, verb: &str) -> String {
        let resources: String = plurals.into_iter().map(|plural| format!("      - {plural}\n")).collect();
        let group = if group.is_empty() { "\"\"" } else { group };
        format!("  - apiGroups: [{group}]\n    resources:\n{resources}    verbs: [{verb}]\n")
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

    /// The table of the rights that only some causes need.
    fn table_on_demand() -> String {
        let row = |one: &OnDemand| {
            let group = if one.kind.group().is_empty() { "core" } else { one.kind.group() };
            let verb = if one.listed { "list" } else { "get" };
            format!("| `{}` | {verb} | {group} | {} |\n", one.kind.plural(), one.buys)
        };
        let rows: String = ON_DEMAND.iter().map(row).collect();
        format!("| resource | verb | group | with it |\n|---|---|---|---|\n{rows}")
    }

    /// The table of the rights that only preflight needs.
    fn table_of_preflight() -> String {
        let row = |one: &OfPreflight| {
            let group = if one.group.is_empty() { "core" } else { one.group };
            format!("| `{}` | {group} | {} |\n", one.plural, one.lost)
        };
        let rows: String = PREFLIGHT.iter().map(row).collect();
        format!("| list | group | without it is unknown |\n|---|---|---|\n{rows}")
    }

    const TITLE: &str = "\
# What kubectl-storagewhy reads, and nothing more: no Secrets, no ConfigMaps, no writing, no watching.
# docs/rbac.md says what is lost without each right.
";

    const SECOND: &str = "\
---
# Optional: what only some causes depend on. It is asked for only where a cause does.
";

    const THIRD: &str = "\
---
# Optional: what `preflight` reads besides. Without it what rests on these kinds is unknown.
";

    fn head(name: &str) -> String {
        format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {name}\nrules:\n")
    }

    fn binding(name: &str) -> String {
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: {name}\n\
             roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: {name}\n\
             subjects:\n  - apiGroup: rbac.authorization.k8s.io\n    kind: Group\n    name: storagewhy-users\n"
        )
    }

    #[test]
    fn every_kind_has_its_right_and_no_other() {
        let kinds: Vec<Kind> = NEEDS.iter().map(|need| need.kind).collect();
        let listed: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.listed()).collect();
        assert_eq!(kinds, listed);
        let mut on_demand: Vec<Kind> = ON_DEMAND.iter().map(|one| one.kind).collect();
        on_demand.dedup();
        let others: Vec<Kind> =
            Kind::ALL.iter().copied().filter(|kind| !kind.listed() && *kind != Kind::ConfigMap).collect();
        assert_eq!(on_demand, others);
        assert!(!manifest().contains("- secrets") && !manifest().contains("- configmaps"));
    }

    #[test]
    fn docs_hold_the_manifest_and_the_table() {
        let (yaml, page) = (include_str!("../../docs/rbac.yaml"), include_str!("../../docs/rbac.md"));
        assert!(yaml == manifest(), "docs/rbac.yaml should be:\n{}", manifest());
        for table in [table(), table_on_demand(), table_of_preflight()] {
            assert!(page.contains(&table), "docs/rbac.md should hold this table:\n{table}");
        }
        assert!(page.contains(PATH));
    }
}
