//! What the API server finds when it decodes an object strictly: fields that the kind doesn't have, and values of another
//! type.
//!
//! Upstream: `UnmarshalStrict` in sigs.k8s.io/json and `Serializer.Decode` in apimachinery
//! `pkg/runtime/serializer/json/json.go`; `transformDecodeError` in apiserver `pkg/endpoints/handlers/rest.go`.

mod custom;
mod decode;
mod table;
mod time;

use serde_json::Value;

use table::TABLE;

/// A field that a kind doesn't have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// Such as `spec.template.spec.containers[0].imagePullPolice`.
    pub(crate) path: String,
    /// What was meant, where that can be guessed, or why it is not there.
    pub(crate) hint: Option<String>,
    /// The field that is meant, where that can be guessed.
    pub(crate) meant: Option<String>,
}

/// What the server makes of an object's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Why the object can't be decoded at all.
    pub(crate) fault: Option<Fault>,
    pub(crate) unknown: Vec<Unknown>,
}

/// Why an object can't be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The field whose value is wrong.
    pub(crate) path: String,
    /// In Go's words: `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
    pub(crate) message: String,
}

impl Decoded {
    /// `Status.message` of the server that decodes with `fieldValidation=Strict`; `None` where it finds nothing.
    pub(crate) fn refusal(&self, kind: &str, version: &str) -> Option<String> {
        let error = match &self.fault {
            Some(fault) => fault.message.clone(),
            None => self.unknown_fields()?,
        };
        Some(format!("{kind} in version {} cannot be handled as a {kind}: {error}", decode::quoted(version)))
    }

    /// The same where the object exists and is patched (`strategicPatchObject` in apiserver
    /// `pkg/endpoints/handlers/patch.go`). The server also shows the patch, as Go writes maps; that part is left out.
    pub(crate) fn refusal_of_patch(&self) -> Option<String> {
        let error = self.unknown_fields()?;
        Some(format!(" \"\" is invalid: patch: Invalid value: \"map[…]\": {error}"))
    }

    fn unknown_fields(&self) -> Option<String> {
        let told: Vec<String> =
            self.unknown.iter().map(|field| format!("unknown field {}", decode::quoted(&field.path))).collect();
        (!told.is_empty()).then(|| format!("strict decoding error: {}", told.join(", ")))
    }
}

/// Decodes an object as the server of a release does, `minor` of `1.minor`. Of kinds that are not known nothing is
/// found.
pub(crate) fn decode(object: &Value, minor: u32) -> Decoded {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    match TABLE.kind(text("apiVersion"), text("kind")) {
        Some(fields) => decode::Decoder::new(&TABLE, minor).object(fields, object),
        None => Decoded::default(),
    }
}

/// Whether Kubernetes has kinds of an API group; empty is the core group.
pub(crate) fn knows_group(group: &str) -> bool {
    TABLE.knows_group(group)
}

/// What the server of a release answers to an object that is sent with `fieldValidation=Strict`, as a whole or as a
/// `patch` of one that exists, where it refuses it for its fields.
pub(crate) fn refusal(object: &Value, patch: bool, minor: u32) -> Option<String> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let api = text("apiVersion");
    let version = api.rsplit('/').next().unwrap_or(api);
    let decoded = decode(object, minor);
    let of_patch = decoded.refusal_of_patch().filter(|_| patch);
    of_patch.or_else(|| decoded.refusal(text("kind"), version))
}
