//! Decoding of an object into the types of the table, in the order in which the server meets its fields.

use serde_json::Value;

use super::custom::{self, Refused};
use super::table::{Field, Scalar, Table, Type};
use super::{Decoded, Fault, Unknown};
use crate::diagnosis::text::near;

/// How many unknown fields the server tells.
const TOLD: usize = 100;

/// Goes through an object and keeps what the server would find.
pub(super) struct Decoder<'t> {
    table: &'t Table,
    minor: u32,
    /// The struct that is decoded into and the fields down to the value, as Go's errors name them.
    context: (&'static str, Vec<&'static str>),
    path: String,
    /// The first value of another type.
    saved: Option<Fault>,
    unknown: Vec<Unknown>,
}

/// An error that ends decoding at once: one of a type that decodes itself.
struct Ends(Fault);

impl<'t> Decoder<'t> {
    pub(super) fn new(table: &'t Table, minor: u32) -> Self {
        Self { table, minor, context: ("", Vec::new()), path: String::new(), saved: None, unknown: Vec::new() }
    }

    /// Decodes an object into a struct of the table.
    pub(super) fn object(mut self, name: &'static str, object: &Value) -> Decoded {
        let ended = self.value(&Type::Struct(name), object).err().map(|Ends(fault)| fault);
        Decoded { fault: ended.or(self.saved), unknown: self.unknown }
    }

    fn value(&mut self, kind: &Type, value: &Value) -> Result<(), Ends> {
        if value.is_null() {
            return Ok(());
        }
        match (kind, value) {
            (Type::Pointer(inner), _) => self.value(inner, value),
            (Type::Struct(name), Value::Object(fields)) => self.structure(name, fields),
            (Type::Map { value: kind, .. }, Value::Object(fields)) => {
                let mut keys: Vec<(&String, &Value)> = fields.iter().collect();
                keys.sort_by_key(|(key, _)| *key);
                keys.into_iter()
                    .try_for_each(|(key, value)| self.within(&step(&self.path, key), |own| own.value(kind, value)))
            }
            (Type::List { item, .. }, Value::Array(items)) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, value)| self.within(&format!("[{index}]"), |own| own.value(item, value))),
            (Type::Any, _) | (Type::Bytes, Value::Array(_)) => Ok(()),
            (Type::Quantity | Type::IntOrString | Type::Time | Type::MicroTime | Type::Duration, _) => {
                let (message, patched) = match custom::fault(kind, value) {
                    None => return Ok(()),
                    Some(Refused::Told(message)) => (message.clone(), message),
                    Some(Refused::Mismatch(what, into)) => (
                        self.cannot(&what, into),
                        format!("json: cannot unmarshal {what} into Go value of type {into}"),
                    ),
                };
                Err(Ends(Fault { path: self.path.clone(), message, patched: Some(patched) }))
            }
            (Type::Bytes, Value::String(text)) => {
                if let Some(message) = custom::base64_fault(text) {
                    self.save(message.clone(), Some(message));
                }
                Ok(())
            }
            (Type::Scalar { kind: scalar, .. }, _) if fits(*scalar, value) => Ok(()),
            _ => {
                self.mismatch(kind, value);
                Ok(())
            }
        }
    }

    fn structure(&mut self, name: &'static str, fields: &serde_json::Map<String, Value>) -> Result<(), Ends> {
        let mut keys: Vec<(&String, &Value)> = fields.iter().collect();
        keys.sort_by_key(|(key, _)| *key);
        for (key, value) in keys {
            let mut known = self.table.fields(name).iter().filter(|field| field.name == key);
            let served = known.clone().find(|field| (field.releases.0..=field.releases.1).contains(&self.minor));
            let Some(field) = served else {
                self.unknown(name, key, known.next_back());
                continue;
            };
            let depth = self.context.1.len();
            self.context.1.extend(&field.embedded);
            self.context.1.push(field.name);
            let outer = std::mem::replace(&mut self.context.0, name);
            let done = self.within(&step(&self.path, key), |own| own.value(&field.kind, value));
            self.context.0 = outer;
            self.context.1.truncate(depth);
            done?;
        }
        Ok(())
    }

    fn within(&mut self, step: &str, decode: impl FnOnce(&mut Self) -> Result<(), Ends>) -> Result<(), Ends> {
        let length = self.path.len();
        self.path.push_str(step);
        let done = decode(self);
        self.path.truncate(length);
        done
    }

    fn unknown(&mut self, name: &str, key: &str, other_release: Option<&Field>) {
        if self.unknown.len() >= TOLD {
            return;
        }
        let mut meaning = None;
        let hint = match other_release {
            Some(field) if field.releases.0 > self.minor => Some(format!("it is known from 1.{} on", field.releases.0)),
            Some(field) => Some(format!("it was known until 1.{}", field.releases.1)),
            None => {
                let served = |field: &&Field| (field.releases.0..=field.releases.1).contains(&self.minor);
                let names = self.table.fields(name).iter().filter(served).map(|field| field.name);
                meaning = meant(key, names).map(str::to_owned);
                meaning.as_ref().map(|meant| format!("did you mean {meant}?"))
            }
        };
        self.unknown.push(Unknown { path: format!("{}{}", self.path, step(&self.path, key)), hint, meant: meaning });
    }

    fn save(&mut self, message: String, patched: Option<String>) {
        if self.saved.is_none() {
            self.saved = Some(Fault { path: self.path.clone(), message, patched });
        }
    }

    fn mismatch(&mut self, kind: &Type, value: &Value) {
        let counted = matches!(kind, Type::Scalar { kind, .. } if !matches!(kind, Scalar::Text | Scalar::Bool));
        let what = match value {
            Value::Number(number) if counted => format!("number {number}"),
            other => custom::word(other).to_owned(),
        };
        let message = self.cannot(&what, &kind.name());
        self.save(message, converted(kind, value));
    }

    /// That a value is none of a type, with the field as Go names it.
    fn cannot(&self, what: &str, kind: &str) -> String {
        let (structure, fields) = &self.context;
        let structure = structure.rsplit('.').next().unwrap_or(structure);
        let into = match fields.as_slice() {
            [] => "Go value".to_owned(),
            fields => format!("Go struct field {structure}.{}", fields.join(".")),
        };
        format!("json: cannot unmarshal {what} into {into} of type {kind}")
    }
}

/// Why a value can't be made one of a type where both are in memory (`fromUnstructured` in apimachinery
/// `pkg/runtime/converter.go`).
fn converted(kind: &Type, value: &Value) -> Option<String> {
    let have = match value {
        Value::Null => return None,
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    };
    Some(match kind {
        Type::Pointer(inner) => return converted(inner, value),
        Type::Map { .. } => format!("cannot restore map from {have}"),
        Type::List { .. } | Type::Bytes => format!("cannot restore slice from {have}"),
        Type::Struct(_) => format!("cannot restore struct from: {have}"),
        Type::Scalar { kind: scalar, .. } => {
            let whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
            match (scalar, have) {
                (Scalar::Text, "int64") => format!("cannot convert int64 to {}", kind.name()),
                (Scalar::Integer(..) | Scalar::Unsigned(_), "float64") if !whole => {
                    format!("cannot convert float64 to {}", kind.name())
                }
                (Scalar::Integer(..) | Scalar::Unsigned(_), "int64" | "float64") => return None,
                (scalar, _) => format!("unrecognized type: {}", scalar.kind()),
            }
        }
        _ => return None,
    })
}

fn fits(kind: Scalar, value: &Value) -> bool {
    match (kind, value) {
        (Scalar::Text, Value::String(_)) | (Scalar::Bool, Value::Bool(_)) | (Scalar::Float, Value::Number(_)) => true,
        (Scalar::Integer(least, most), Value::Number(number)) => {
            number.as_i64().is_some_and(|number| (least..=most).contains(&number))
        }
        (Scalar::Unsigned(most), Value::Number(number)) => number.as_u64().is_some_and(|number| number <= most),
        _ => false,
    }
}

fn step(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!(".{key}") }
}

/// The name that was meant: the same in another case, or close to it.
fn meant<'n>(written: &str, mut names: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
    names.clone().find(|name| name.eq_ignore_ascii_case(written)).or_else(|| near(written, names.by_ref()))
}

/// A text as Go's `%q` writes it, as far as names have it.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Sent, decode, refusal};

    fn deployment(spec: serde_json::Value) -> serde_json::Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec})
    }

    fn told(spec: serde_json::Value) -> String {
        refusal(&deployment(spec), 36, Sent::Whole).unwrap_or_default()
    }

    #[test]
    fn what_is_patched_is_refused_in_other_words() {
        let told = |spec| refusal(&deployment(spec), 36, Sent::Patch).unwrap_or_default();
        let container = |fields| json!({"template": {"spec": {"containers": [fields]}}});
        for (spec, text) in [
            (json!({"replicas": "3"}), "unrecognized type: int32"),
            (json!({"replicas": 1.5}), "cannot convert float64 to int32"),
            (json!({"paused": "yes"}), "unrecognized type: bool"),
            (json!({"selector": "x"}), "cannot restore struct from: string"),
            (json!({"selector": {"matchLabels": {"a": true}}}), "unrecognized type: string"),
            (json!({"template": {"spec": {"terminationGracePeriodSeconds": "30"}}}), "unrecognized type: int64"),
            (container(json!({"env": [{"name": "A", "value": 1}]})), "cannot convert int64 to string"),
            (container(json!({"imagePullPolicy": 1})), "cannot convert int64 to v1.PullPolicy"),
            (container(json!({"command": "ls"})), "cannot restore slice from string"),
            (container(json!({"ports": {"containerPort": 80}})), "cannot restore slice from map"),
            (container(json!({"resources": {"requests": "1"}})), "cannot restore map from string"),
            (
                container(json!({"livenessProbe": {"httpGet": {"port": true}}})),
                "json: cannot unmarshal bool into Go value of type int32",
            ),
            (json!({"replica": 1}), "strict decoding error: unknown field \"spec.replica\""),
        ] {
            assert_eq!(told(spec), format!("\"\" is invalid: patch: Invalid value: \"…\": {text}"));
        }
    }

    #[test]
    fn fields_that_a_kind_does_not_have_are_told_in_the_order_of_their_names() {
        let spec = json!({"replica": 1, "template": {"spec": {"containers": [
            {"name": "a", "imagePullPolice": "Always", "resources": {"requests": {"cpu": 1}, "limit": {}}}]}}, "foo": 1});
        assert_eq!(
            told(spec.clone()),
            "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: \
             unknown field \"spec.foo\", unknown field \"spec.replica\", \
             unknown field \"spec.template.spec.containers[0].imagePullPolice\", \
             unknown field \"spec.template.spec.containers[0].resources.limit\""
        );
        let hints: Vec<_> = decode(&deployment(spec), 36).unknown.into_iter().map(|field| field.hint).collect();
        let meant = |name: &str| Some(format!("did you mean {name}?"));
        assert_eq!(hints, [None, meant("replicas"), meant("imagePullPolicy"), meant("limits")]);
    }

    #[test]
    fn values_of_another_type_are_told_in_go_s_words_and_hide_the_rest() {
        const HEAD: &str = "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal ";
        let container = |fields| json!({"template": {"spec": {"containers": [fields], "foo": 1}}});
        for (spec, text) in [
            (json!({"replicas": "3"}), "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
            (json!({"replicas": 3.5}), "number 3.5 into Go struct field DeploymentSpec.spec.replicas of type int32"),
            (json!({"paused": "yes"}), "string into Go struct field DeploymentSpec.spec.paused of type bool"),
            (
                container(json!({"name": "a", "env": [{"name": "x", "value": 1}]})),
                "number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
            ),
            (
                container(json!({"command": "ls"})),
                "string into Go struct field Container.spec.template.spec.containers.command of type []string",
            ),
            (
                container(json!({"imagePullPolicy": true})),
                "bool into Go struct field Container.spec.template.spec.containers.imagePullPolicy of type v1.PullPolicy",
            ),
            (
                json!({"template": {"spec": {"volumes": [{"hostPath": {"path": 1}}]}}}),
                "number into Go struct field HostPathVolumeSource.spec.template.spec.volumes.VolumeSource.hostPath.path of type string",
            ),
            (
                json!({"selector": {"matchLabels": {"a": 1}}}),
                "number into Go struct field LabelSelector.spec.selector.matchLabels of type string",
            ),
            (
                json!({"template": []}),
                "array into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec",
            ),
            (
                container(json!({"resources": {"requests": "a"}})),
                "string into Go struct field ResourceRequirements.spec.template.spec.containers.resources.requests of type v1.ResourceList",
            ),
        ] {
            assert_eq!(told(spec), format!("{HEAD}{text}"));
        }
    }

    #[test]
    fn types_that_decode_themselves_end_decoding() {
        let container = json!({"env": 1, "resources": {"requests": {"cpu": "1 core"}}});
        assert_eq!(
            told(json!({"template": {"spec": {"containers": [container]}}})),
            "Deployment in version \"v1\" cannot be handled as a Deployment: quantities must match the regular \
             expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        );
    }

    #[test]
    fn what_a_release_knows_depends_on_the_release() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"resources": {"requests": {"cpu": "1"}}}});
        assert_eq!(refusal(&pod, 36, Sent::Whole), None);
        let old = decode(&pod, 30);
        assert_eq!(old.unknown[0].path, "spec.resources");
        assert_eq!(old.unknown[0].hint.as_deref(), Some("it is known from 1.32 on"));
    }

    #[test]
    fn objects_of_the_server_and_unknown_kinds_have_no_unknown_fields() {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a", "creationTimestamp": null,
            "managedFields": [{"fieldsV1": {"f:x": {}}, "time": "2024-01-01T00:00:00Z"}]},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Bound"}});
        assert_eq!(decode(&claim, 36), super::Decoded::default());
        let other = json!({"apiVersion": "example.com/v1", "kind": "Thing", "spec": {"x": 1}});
        assert_eq!(decode(&other, 36), super::Decoded::default());
    }
}
