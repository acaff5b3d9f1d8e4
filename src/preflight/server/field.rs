//! Errors about fields, in the server's words (`apimachinery/pkg/util/validation/field`).

use std::fmt;

use serde_json::Value;

/// The way to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(String);

impl Path {
    /// A field of the object itself.
    pub(crate) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// A field of what stands here.
    pub(crate) fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self::new(name) } else { Self(format!("{}.{name}", self.0)) }
    }

    /// An element of the list that stands here.
    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// A value of the map that stands here.
    pub(crate) fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "<nil>" } else { &self.0 })
    }
}

/// What is wrong with an object, in the order in which the server finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Errors(Vec<String>);

impl Errors {
    /// A value that has to be there isn't.
    pub(crate) fn required(&mut self, path: &Path, detail: &str) {
        self.plain(path, "Required value", detail);
    }

    /// A value that may not be there, or not be changed.
    pub(crate) fn forbidden(&mut self, path: &Path, detail: &str) {
        self.plain(path, "Forbidden", detail);
    }

    /// A value of the wrong form.
    pub(crate) fn invalid(&mut self, path: &Path, value: impl Into<Value>, detail: &str) {
        self.valued(path, "Invalid value", &value.into(), detail);
    }

    /// A value of the wrong form, which is given as it is shown.
    pub(crate) fn invalid_as(&mut self, path: &Path, shown: &str, detail: &str) {
        self.plain(path, &format!("Invalid value: {shown}"), detail);
    }

    /// A value that stands twice.
    pub(crate) fn duplicate(&mut self, path: &Path, value: impl Into<Value>) {
        self.valued(path, "Duplicate value", &value.into(), "");
    }

    /// A value that names something that isn't there.
    pub(crate) fn not_found(&mut self, path: &Path, value: impl Into<Value>) {
        self.valued(path, "Not found", &value.into(), "");
    }

    /// A value that names something that isn't there, with what there is.
    pub(crate) fn not_found_among(&mut self, path: &Path, value: &str, detail: &str) {
        self.valued(path, "Not found", &value.into(), detail);
    }

    /// A value that isn't one of those that are known.
    pub(crate) fn unsupported(&mut self, path: &Path, value: impl Into<Value>, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|value| quote(value)).collect();
        let detail =
            if supported.is_empty() { String::new() } else { format!("supported values: {}", supported.join(", ")) };
        self.valued(path, "Unsupported value", &value.into(), &detail);
    }

    /// A text that is too long.
    pub(crate) fn too_long(&mut self, path: &Path, most: usize) {
        self.plain(path, "Too long", &format!("may not be more than {most} bytes"));
    }

    /// Several details about one value.
    pub(crate) fn all_invalid(&mut self, path: &Path, value: &str, details: impl IntoIterator<Item = String>) {
        for detail in details {
            self.invalid(path, value, &detail);
        }
    }

    /// What another check found.
    pub(crate) fn extend(&mut self, other: Errors) {
        self.0.extend(other.0);
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much is wrong.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// `Status.message` of an invalid object (`apimachinery/pkg/api/errors`, NewInvalid); `None` where nothing is wrong.
    pub(crate) fn message(&self, group: &str, kind: &str, name: &str) -> Option<String> {
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let all = aggregate(&self.0)?;
        Some(format!("{qualified} {} is invalid: {all}", quote(name)))
    }

    fn plain(&mut self, path: &Path, what: &str, detail: &str) {
        self.0.push(joined(path, what, detail));
    }

    fn valued(&mut self, path: &Path, what: &str, value: &Value, detail: &str) {
        self.0.push(joined(path, &format!("{what}: {}", shown(value)), detail));
    }
}

fn joined(path: &Path, what: &str, detail: &str) -> String {
    if detail.is_empty() { format!("{path}: {what}") } else { format!("{path}: {what}: {detail}") }
}

/// Several messages as one, each told once (`util/errors`, aggregate).
pub(crate) fn aggregate(messages: &[String]) -> Option<String> {
    let mut told: Vec<&str> = Vec::new();
    for message in messages {
        if !told.contains(&message.as_str()) {
            told.push(message);
        }
    }
    match told.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}

/// A value as it stands in an error: texts quoted, structures as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Object(_) | Value::Array(_) => in_order(value),
        other => other.to_string(),
    }
}

/// Fields that a Go structure has before all others, in its order.
const FIRST: &[&str] = &[
    "matchLabels",
    "key",
    "name",
    "kind",
    "apiVersion",
    "Type",
    "Partition",
    "MinAvailable",
    "Selector",
    "MaxUnavailable",
    "Name",
    "Protocol",
    "AppProtocol",
    "Port",
    "TargetPort",
    "NodePort",
];

/// JSON with the fields in the order of Go's structures, as far as it isn't that of their names.
fn in_order(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), in_order(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(in_order).collect::<Vec<_>>().join(",")),
        Value::String(_) => value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        other => other.to_string(),
    }
}

/// A text as Go's `%q` writes it.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_have_the_servers_words() {
        let mut errors = Errors::default();
        let path = Path::new("spec").child("containers").index(0);
        errors.required(&path.child("image"), "");
        errors.unsupported(&path.child("imagePullPolicy"), "Sometimes", &["Always", "Never"]);
        errors.required(&path.child("image"), "");
        errors.duplicate(&path.child("name"), "a\"b");
        errors.invalid(&path.child("x").key("y/z"), json!({"matchLabels": {"a": "b"}, "matchExpressions": []}), "no");
        assert_eq!(
            errors.message("apps", "Deployment", "web").unwrap(),
            "Deployment.apps \"web\" is invalid: [spec.containers[0].image: Required value, \
             spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"Never\", \
             spec.containers[0].name: Duplicate value: \"a\\\"b\", \
             spec.containers[0].x[y/z]: Invalid value: {\"matchLabels\":{\"a\":\"b\"},\"matchExpressions\":[]}: no]"
        );
    }

    #[test]
    fn one_error_stands_alone_and_none_is_no_message() {
        let mut errors = Errors::default();
        assert_eq!(errors.message("", "Pod", "a"), None);
        errors.forbidden(&Path::new("spec"), "x");
        assert_eq!(errors.message("", "Pod", "a").unwrap(), "Pod \"a\" is invalid: spec: Forbidden: x");
    }
}
