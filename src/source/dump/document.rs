//! One JSON document: what it is, and the texts of its items.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of a document that say what it is; everything else is left unread.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Document<'a> {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
    #[serde(borrow)]
    pub(super) metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) items: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub(super) coverage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) unreadable: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) server_version: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) info: Option<&'a RawValue>,
}

/// What names an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Name {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionInfo {
    git_version: String,
}

impl<'a> Document<'a> {
    /// Reads an object's text; `None` where it is no object, or one that Kubernetes can't have made.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
    }

    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    pub(super) fn api_version(&self) -> &str {
        self.api_version.as_deref().unwrap_or_default()
    }

    /// Name and namespace, as far as they can be read.
    pub(super) fn name(&self) -> Name {
        self.metadata.and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or_default()
    }

    /// The server's version, where this is what `kubectl version -o json` or a support bundle wrote, or a list with
    /// the annotation `kubeVersion`.
    pub(super) fn server_version(&self) -> Option<String> {
        let version = self.server_version.or(self.info).filter(|_| self.kind.is_none());
        let version = version.and_then(|text| serde_json::from_str::<VersionInfo>(text.get()).ok());
        version.map(|version| version.git_version).or_else(|| self.annotated_version())
    }

    fn annotated_version(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Annotated {
            annotations: Annotations,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Annotations {
            kube_version: String,
        }
        self.items.as_ref()?;
        let metadata: Annotated = serde_json::from_str(self.metadata?.get()).ok()?;
        Some(metadata.annotations.kube_version)
    }
}
