//! The release whose behaviour and texts the verdicts follow, and how it is known.

use serde::Serialize;

use crate::model::version::Version;
use crate::scheduler::releases_by_texts;
use crate::snapshot::Snapshot;

/// A release with its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Release {
    pub version: Version,
    pub from: ReleaseSource,
}

/// How a release is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ReleaseSource {
    /// It was asked for.
    Given,
    /// The server says it.
    Server,
    /// Inferred: only this release and its neighbours write what the scheduler wrote.
    SchedulerTexts,
    /// Inferred: the newest kubelet's, for no API server is older than a kubelet.
    Kubelets,
    /// Nothing tells: the newest that is known.
    #[default]
    Assumed,
}

impl Release {
    /// The release to follow for a snapshot: the one that was asked for, else the server's, else what the scheduler's
    /// texts and the kubelets leave open, else the newest. A server version that names no release tells nothing, and one
    /// out of reach is taken as the nearest that is known.
    pub fn of(snapshot: &Snapshot, given: Option<Version>) -> Self {
        let server = || snapshot.server_version.as_deref().and_then(Version::named_by);
        let told = given.map(|version| Self { version, from: ReleaseSource::Given });
        let told = told.or_else(|| server().map(|version| Self { version, from: ReleaseSource::Server }));
        let release = told.unwrap_or_else(|| Self::inferred(snapshot));
        Self { version: release.version.nearest_known(), ..release }
    }

    fn inferred(snapshot: &Snapshot) -> Self {
        let nodes = snapshot.nodes.seen().iter();
        let kubelets = nodes.filter_map(|node| Version::named_by(&node.status.node_info.kubelet_version)).max();
        let texts = releases_by_texts(snapshot);
        match (kubelets, texts.as_deref()) {
            (None, None) => Self::default(),
            (Some(version), None) => Self { version, from: ReleaseSource::Kubelets },
            (None, Some(texts)) => Self::by_texts(texts, Version::NEWEST),
            (Some(version), Some(texts)) if texts.contains(&version.min(Version::NEWEST)) => {
                Self { version, from: ReleaseSource::Kubelets }
            }
            (Some(version), Some(texts)) => Self::by_texts(texts, version),
        }
    }

    /// The first of the releases that is no older than the kubelets, else the last.
    fn by_texts(texts: &[Version], kubelets: Version) -> Self {
        let version = texts.iter().find(|version| **version >= kubelets).or(texts.last()).copied().unwrap_or_default();
        Self { version, from: ReleaseSource::SchedulerTexts }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Kind;
    use crate::snapshot::{Builder, Scope};

    /// The release of a cluster with a server version, kubelets and a pod with the scheduler's text.
    fn release(server: Option<&str>, kubelets: &[&str], text: &str) -> (String, ReleaseSource) {
        let mut builder = Builder::default();
        builder.server_version = server.map(str::to_owned);
        for (number, version) in kubelets.iter().enumerate() {
            let node = json!({"metadata": {"name": format!("n{number}")},
                "status": {"nodeInfo": {"kubeletVersion": version}}});
            builder.add(Kind::Node, node).unwrap();
        }
        let condition = json!({"type": "PodScheduled", "status": "False", "message": text});
        let pod = json!({"metadata": {"name": "p"}, "status": {"conditions": [condition]}});
        builder.add(Kind::Pod, pod).unwrap();
        let release = Release::of(&builder.build(&Scope::All), None);
        (release.version.to_string(), release.from)
    }

    const SILENT: &str = "";
    /// Up to 1.32.
    const OLD: &str = "0/2 nodes are available: 2 node(s) had volume node affinity conflict.";
    /// Since 1.34.
    const NEW: &str = "0/2 nodes are available: 2 node(s) had untolerated taint(s).";

    #[test]
    fn what_is_told_goes_before_what_is_inferred() {
        use ReleaseSource::*;
        let newest = Version::NEWEST.to_string();
        let expect =
            |found: (String, ReleaseSource), version: &str, from| assert_eq!(found, (version.to_owned(), from));
        expect(release(Some("v1.30.4"), &["v1.28.1"], NEW), "1.30", Server);
        expect(release(None, &["v1.24.3", "v1.23.9"], SILENT), "1.24", Kubelets);
        expect(release(None, &["v1.27.3-eks-a5565ad", "", "unknown"], OLD), "1.27", Kubelets);
        expect(release(None, &["v1.27.3"], NEW), "1.34", SchedulerTexts);
        expect(release(None, &["v1.35.0"], OLD), "1.32", SchedulerTexts);
        expect(release(None, &[], OLD), "1.32", SchedulerTexts);
        expect(release(None, &[], NEW), &newest, SchedulerTexts);
        expect(release(None, &[], SILENT), &newest, Assumed);
    }

    #[test]
    fn a_server_version_that_names_no_release_tells_nothing() {
        use ReleaseSource::*;
        for version in ["v0.0.0-master+$Format:%H$", "v0.0.0", "latest", ""] {
            assert_eq!(release(Some(version), &["v1.31.0"], SILENT), ("1.31".to_owned(), Kubelets), "{version}");
            assert_eq!(release(Some(version), &[], SILENT).1, Assumed, "{version}");
        }
    }

    #[test]
    fn the_release_that_was_asked_for_wins() {
        let mut builder = Builder::default();
        builder.server_version = Some("v1.30.0".to_owned());
        let snapshot = builder.build(&Scope::All);
        let release = Release::of(&snapshot, Some(Version::new(1, 28)));
        assert_eq!(release, Release { version: Version::new(1, 28), from: ReleaseSource::Given });
    }
}
