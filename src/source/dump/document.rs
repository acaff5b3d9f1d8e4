//! One JSON document or item: what it is, and the texts of its items.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess};
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
    /// Reads a document's text; `None` where it is no object, or one that Kubernetes can't have made.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
    }

    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    pub(super) fn api_version(&self) -> &str {
        self.api_version.as_deref().unwrap_or_default()
    }

    /// What an object that stands alone says of itself.
    pub(super) fn head(&self) -> Head<'a> {
        Head { api_version: self.api_version.clone(), kind: self.kind.clone(), metadata: self.metadata }
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

/// What an item of a list is. Items are many, and most begin with these fields: the rest isn't looked at.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
    metadata: Option<&'a RawValue>,
}

impl<'a> Head<'a> {
    /// Reads an item's text; `None` where it is no object, or one that Kubernetes can't have made.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut head = Head::default();
        let result = (&mut head).deserialize(&mut serde_json::Deserializer::from_str(text));
        (result.is_ok() || head.is_full()).then_some(head)
    }

    /// Whether the item is a list itself.
    pub(super) fn is_list(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.ends_with("List"))
    }

    /// Name and namespace, as far as they can be read.
    pub(super) fn name(&self) -> Name {
        self.metadata.and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or_default()
    }

    fn is_full(&self) -> bool {
        self.api_version.is_some() && self.kind.is_some() && self.metadata.is_some()
    }
}

impl<'de> DeserializeSeed<'de> for &mut Head<'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> de::Visitor<'de> for &mut Head<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// Ends with an error once all is known, because a deserializer can't be left in another way.
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while let Some(field) = access.next_key::<Field>()? {
            match field {
                Field::ApiVersion => self.api_version = access.next_value()?,
                Field::Kind => self.kind = access.next_value()?,
                Field::Metadata => self.metadata = access.next_value()?,
                Field::Other => _ = access.next_value::<IgnoredAny>()?,
            }
            if self.is_full() {
                return Err(de::Error::custom("the rest is not needed"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Field {
    ApiVersion,
    Kind,
    Metadata,
    #[serde(other)]
    Other,
}
