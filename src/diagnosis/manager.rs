//! The tools that own an object and would undo a change made beside them: Helm and Argo CD.

use super::remedy::Manager;
use crate::model::{Kind, Meta};
use crate::snapshot::Snapshot;

const HELM_RELEASE: &str = "meta.helm.sh/release-name";
const HELM_NAMESPACE: &str = "meta.helm.sh/release-namespace";
const HELM_CHART: &str = "helm.sh/chart";
const ARGO_TRACKING: &str = "argocd.argoproj.io/tracking-id";
const ARGO_INSTANCE: &str = "argocd.argoproj.io/instance";
const INSTANCE: &str = "app.kubernetes.io/instance";

/// The Helm release that an object belongs to: Helm writes its annotations on everything that it installs.
pub(crate) fn helm(meta: &Meta) -> Option<Manager> {
    let name = meta.annotations.get(HELM_RELEASE)?.clone();
    let namespace = meta.annotations.get(HELM_NAMESPACE).cloned().unwrap_or_default();
    Some(Manager { tool: "Helm", name, namespace, chart: chart(meta) })
}

/// The Argo CD application that an object belongs to. The plain `instance` label, Argo CD's default mark, also comes
/// from charts: it counts only where Argo CD runs and Helm didn't install the object itself.
pub(crate) fn argo(meta: &Meta, snapshot: &Snapshot) -> Option<Manager> {
    let tracked = meta.annotations.get(ARGO_TRACKING).and_then(|id| id.split(':').next());
    let marked = || meta.labels.get(ARGO_INSTANCE).or_else(|| meta.annotations.get(ARGO_INSTANCE));
    let labelled = || {
        let corroborated = || !meta.annotations.contains_key(HELM_RELEASE) && argo_runs(snapshot);
        meta.labels.get(INSTANCE).filter(|_| corroborated())
    };
    let name = tracked.or_else(|| marked().or_else(labelled).map(String::as_str))?;
    // An application of another namespace than Argo CD's is written `namespace_name`.
    let (namespace, name) = name.split_once('_').unwrap_or(("", name));
    Some(Manager { tool: "Argo CD", name: name.to_owned(), namespace: namespace.to_owned(), chart: chart(meta) })
}

/// What Argo CD's own marks say of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// An application tracks it.
    Tracked,
    /// The mark is another object's, and was copied with its annotations.
    Copy,
    /// It has none; labels that others write as well may still say whose it is.
    None,
}

/// What Argo CD's own marks say of an object. A tracking id names the object: `application:group/kind:namespace/name`.
pub(crate) fn argo_mark(kind: Kind, meta: &Meta) -> Mark {
    let names_it = |id: &String| {
        let (of_kind, name) = (format!("/{kind}:"), id.rsplit('/').next());
        id.contains(&of_kind) && name == Some(meta.name.as_str())
    };
    match meta.annotations.get(ARGO_TRACKING) {
        Some(id) if names_it(id) => Mark::Tracked,
        Some(_) => Mark::Copy,
        None if meta.labels.contains_key(ARGO_INSTANCE) || meta.annotations.contains_key(ARGO_INSTANCE) => {
            Mark::Tracked
        }
        None => Mark::None,
    }
}

/// Everything that owns the object, the outermost first.
pub(crate) fn managers(meta: &Meta, snapshot: &Snapshot) -> Vec<Manager> {
    argo(meta, snapshot).into_iter().chain(helm(meta)).collect()
}

/// The chart's name without its version, as in `topolvm` for `topolvm-15.5.2`.
pub(crate) fn chart_name(chart: &str) -> &str {
    chart
        .match_indices('-')
        .find(|(at, _)| chart[at + 1..].starts_with(|c: char| c.is_ascii_digit()) && chart[at + 1..].contains('.'))
        .map_or(chart, |(at, _)| &chart[..at])
}

fn chart(meta: &Meta) -> Option<String> {
    meta.labels.get(HELM_CHART).cloned()
}

fn argo_runs(snapshot: &Snapshot) -> bool {
    snapshot
        .pods
        .seen()
        .iter()
        .any(|pod| pod.metadata.labels.get("app.kubernetes.io/part-of").is_some_and(|part| part == "argocd"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, meta::Map};
    use crate::snapshot::{Builder, coverage::Scope};

    fn map(pairs: &[(&str, &str)]) -> Map {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn cluster(argo: bool) -> Snapshot {
        let mut builder = Builder::default();
        if argo {
            let pod = serde_json::json!({"metadata": {"name": "c", "namespace": "argocd",
                "labels": {"app.kubernetes.io/part-of": "argocd"}}});
            builder.add(Kind::Pod, pod).unwrap();
        }
        builder.build(&Scope::All)
    }

    #[test]
    fn helm_and_argo_are_known_by_their_own_marks() {
        let meta = Meta {
            labels: map(&[("helm.sh/chart", "topolvm-15.5.2")]),
            annotations: map(&[
                (HELM_RELEASE, "storage"),
                (HELM_NAMESPACE, "topolvm-system"),
                (ARGO_TRACKING, "topolvm:admissionregistration.k8s.io/X:/topolvm-hook"),
            ]),
            ..Meta::default()
        };
        let found = managers(&meta, &cluster(false));
        assert_eq!(
            found.iter().map(|m| (m.tool, m.name.as_str())).collect::<Vec<_>>(),
            [("Argo CD", "topolvm"), ("Helm", "storage")]
        );
    }

    #[test]
    fn the_instance_label_alone_is_no_proof_of_argo() {
        let meta = Meta { labels: map(&[(INSTANCE, "vault")]), ..Meta::default() };
        assert_eq!(managers(&meta, &cluster(false)), []);
        assert_eq!(managers(&meta, &cluster(true)).len(), 1);
        let helm = Meta { annotations: map(&[(HELM_RELEASE, "vault")]), ..meta };
        assert_eq!(managers(&helm, &cluster(true)).iter().map(|m| m.tool).collect::<Vec<_>>(), ["Helm"]);
    }

    #[test]
    fn charts_have_names_with_dashes() {
        assert_eq!(chart_name("topolvm-15.5.2"), "topolvm");
        assert_eq!(chart_name("kube-state-metrics-5.0.0-rc.1"), "kube-state-metrics");
        assert_eq!(chart_name("plain"), "plain");
    }
}
