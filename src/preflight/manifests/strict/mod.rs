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
    /// What is said where the object is what a patch makes of another (`pkg/runtime/converter.go`):
    /// `unrecognized type: int32`. `None` for numbers that are too large, which then lose their high bits.
    pub(crate) patched: Option<String>,
}

/// How an object reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Whole,
    /// As a strategic merge patch of the object that exists.
    Patch,
}

impl Decoded {
    /// `Status.message` of the server that decodes with `fieldValidation=Strict`; `None` where it finds nothing. Where it
    /// repeats the whole patch, `…` stands for that (apiserver `pkg/endpoints/handlers/patch.go`, applyPatchToObject).
    pub(crate) fn refusal(&self, kind: &str, version: &str, sent: Sent) -> Option<String> {
        let whole = |error: &str| {
            format!("{kind} in version {} cannot be handled as a {kind}: {error}", decode::quoted(version))
        };
        let told = |error: &str| match sent {
            Sent::Whole => whole(error),
            Sent::Patch => format!("\"\" is invalid: patch: Invalid value: \"…\": {error}"),
        };
        match &self.fault {
            Some(Fault { patched: Some(patched), .. }) if sent == Sent::Patch => Some(told(patched)),
            Some(fault) => Some(whole(&fault.message)),
            None if self.unknown.is_empty() => None,
            None => {
                let fields: Vec<String> =
                    self.unknown.iter().map(|field| format!("unknown field {}", decode::quoted(&field.path))).collect();
                Some(told(&format!("strict decoding error: {}", fields.join(", "))))
            }
        }
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

/// What the server of a release answers to an object that is sent with `fieldValidation=Strict`, where it refuses it
/// for its fields.
pub(crate) fn refusal(object: &Value, minor: u32, sent: Sent) -> Option<String> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let api = text("apiVersion");
    let version = api.rsplit('/').next().unwrap_or(api);
    decode(object, minor).refusal(text("kind"), version, sent)
}
