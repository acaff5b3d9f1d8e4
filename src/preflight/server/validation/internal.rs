//! How the server writes what it works with: its internal types have no tags, so that every field stands there under its
//! name in Go, whether it is set or not.

use serde_json::Value;

use super::super::json::{at, entries, set};

/// The structures of `pkg/apis/core/types.go` (1.36) that pods, claims and volumes are made of, one a line: the name, and
/// then `Field=json=type` in their order. `==Type` is embedded.
const TYPES: &str = include_str!("internal_types.txt");
/// Those that are others since 1.37.
const TYPES_37: &str = include_str!("internal_types_1.37.txt");
/// Fields that came after 1.33, with the release that brought them.
const SINCE: [(&str, &str, u32); 7] = [
    ("VolumeProjection", "PodCertificate", 34),
    ("EnvVarSource", "FileKeyRef", 34),
    ("Container", "RestartPolicyRules", 34),
    ("EphemeralContainerCommon", "RestartPolicyRules", 34),
    ("PodSpec", "HostnameOverride", 34),
    ("PodCertificateProjection", "UserAnnotations", 35),
    ("PodSpec", "SchedulingGroup", 36),
];
/// What stands in the place of a field in one release: what became `schedulingGroup`.
const RENAMED: (&str, &str, u32, &str) = ("PodSpec", "SchedulingGroup", 35, "WorkloadRef");
/// Any release: structures that are the same in all of them.
const ANY: u32 = 36;

/// Structures that stand in each other.
const DEPTH: usize = 32;

/// JSON whose fields have an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// A text of JSON.
    Leaf(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

/// The spec of a pod, as a server 1.`minor` has it.
pub(super) fn pod_spec(spec: &Value, minor: u32) -> Tree {
    structure("PodSpec", &with_host_fields(spec.clone()), minor, 0)
}

/// The spec of a claim.
pub(super) fn claim_spec(spec: &Value) -> Tree {
    structure("PersistentVolumeClaimSpec", spec, ANY, 0)
}

/// Templates of claims, as servers have them since 1.37.
pub(super) fn claim_templates(templates: &Value) -> Tree {
    typed("[]PersistentVolumeClaim", Some(templates), 37, 0)
}

/// The source of a volume, as a server 1.`minor` has it.
pub(super) fn volume_source(spec: &Value, minor: u32) -> Tree {
    structure("PersistentVolumeSource", spec, minor, 0)
}

/// The security context of a container.
pub(super) fn security_context(context: &Value) -> Tree {
    structure("SecurityContext", context, ANY, 0)
}

/// A seccomp profile.
pub(super) fn seccomp_profile(profile: &Value) -> Tree {
    structure("SeccompProfile", profile, ANY, 0)
}

/// The nodes that can reach a volume.
pub(super) fn node_affinity(affinity: &Value) -> Tree {
    structure("VolumeNodeAffinity", affinity, ANY, 0)
}

/// A pod template, as a server 1.`minor` has it.
pub(super) fn template(template: &Value, minor: u32) -> Tree {
    let mut template = template.clone();
    let spec = with_host_fields(at(&template, "/spec").cloned().unwrap_or_default());
    set(&mut template, &["spec"], spec);
    structure("PodTemplateSpec", &template, minor, 0)
}

/// What concerns the namespaces of the node stands in the security context up to 1.36.
fn with_host_fields(mut spec: Value) -> Value {
    for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        if let Some(value) = at(&spec, &format!("/{field}")).cloned() {
            set(&mut spec, &["securityContext", field], value);
        }
    }
    spec
}

fn structure(name: &str, value: &Value, minor: u32, depth: usize) -> Tree {
    let mut fields = Vec::new();
    if depth < DEPTH {
        let of_name = |line: &&str| line.split_once(' ').is_some_and(|(of, _)| of == name);
        let newer = if minor >= 37 { TYPES_37 } else { "" };
        let line = newer.lines().chain(TYPES.lines()).find(of_name).and_then(|line| line.split_once(' '));
        for field in line.into_iter().flat_map(|(_, fields)| fields.split(' ')) {
            let mut parts = field.splitn(3, '=');
            let (Some(field), Some(json), Some(kind)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let Some(field) = as_of(name, field, minor) else { continue };
            if field.is_empty() {
                match typed(kind, Some(value), minor, depth + 1) {
                    Tree::Map(embedded) => fields.extend(embedded),
                    other => fields.push((kind.to_owned(), other)),
                }
            } else {
                let own = value.get(json).filter(|own| !own.is_null());
                fields.push((field.to_owned(), typed(kind, own, minor, depth + 1)));
            }
        }
    }
    Tree::Map(fields)
}

/// The name of a field in a release; `None` where it does not have it yet.
fn as_of<'f>(name: &str, field: &'f str, minor: u32) -> Option<&'f str> {
    let (of, place, release, other) = RENAMED;
    if (name, field, minor) == (of, place, release) {
        return Some(other);
    }
    let later = SINCE.iter().any(|(of, new, since)| (*of, *new) == (name, field) && minor < *since);
    (!later).then_some(field)
}

fn typed(kind: &str, value: Option<&Value>, minor: u32, depth: usize) -> Tree {
    let null = || Tree::Leaf("null".to_owned());
    if let Some(kind) = kind.strip_prefix('*') {
        return value.map_or_else(null, |value| typed(kind, Some(value), minor, depth));
    }
    if let Some(kind) = kind.strip_prefix("[]") {
        let items =
            |items: &Vec<Value>| Tree::List(items.iter().map(|item| typed(kind, Some(item), minor, depth)).collect());
        return value.and_then(Value::as_array).map_or_else(null, items);
    }
    match (kind, value) {
        ("text", None) => Tree::Leaf("\"\"".to_owned()),
        ("number" | "port", None) => Tree::Leaf("0".to_owned()),
        ("truth", None) => Tree::Leaf("false".to_owned()),
        ("quantity", None) => Tree::Leaf("\"0\"".to_owned()),
        ("map", None) => null(),
        ("text" | "number" | "port" | "truth" | "quantity", Some(value)) => leaf(value),
        ("map", Some(value)) => {
            Tree::Map(entries(value, "").map(|(key, value)| (key.to_owned(), leaf(value))).collect())
        }
        ("selector", value) => tagged(value, &["matchLabels", "matchExpressions"]),
        ("metadata", value) => {
            tagged(value.and_then(|value| value.get("metadata")), &["name", "labels", "annotations"])
        }
        (name, value) => structure(name, value.unwrap_or(&Value::Null), minor, depth),
    }
}

/// A structure with tags: what is empty is left out.
fn tagged(value: Option<&Value>, order: &[&str]) -> Tree {
    let value = value.unwrap_or(&Value::Null);
    let there = |field: &&&str| !super::super::json::empty(value, &format!("/{field}"));
    let fields = order.iter().filter(there).filter_map(|field| Some(((*field).to_owned(), plain(value.get(*field)?))));
    Tree::Map(fields.collect())
}

/// A value of a structure with tags; conditions of selectors have their own order.
fn plain(value: &Value) -> Tree {
    match value {
        Value::Array(items) => Tree::List(items.iter().map(plain).collect()),
        Value::Object(fields) if fields.contains_key("operator") => tagged(Some(value), &["key", "operator", "values"]),
        Value::Object(fields) => Tree::Map(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        value => leaf(value),
    }
}

fn leaf(value: &Value) -> Tree {
    Tree::Leaf(escaped(value))
}

/// JSON as Go writes it, which escapes what HTML gives a meaning.
fn escaped(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

impl Tree {
    /// All on one line (`json.Marshal`).
    pub(super) fn compact(&self) -> String {
        match self {
            Self::Leaf(text) => text.clone(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::compact).collect::<Vec<_>>().join(",")),
            Self::Map(fields) => {
                let field =
                    |(name, value): &(String, Tree)| format!("{}:{}", escaped(&name.as_str().into()), value.compact());
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
            }
        }
    }

    /// A line a value, indented by one space (`json.MarshalIndent`).
    pub(super) fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }

    fn write(&self, text: &mut String, depth: usize) {
        let indent = |text: &mut String, depth: usize| {
            text.push('\n');
            text.push_str(&" ".repeat(depth));
        };
        match self {
            Self::Leaf(leaf) => text.push_str(leaf),
            Self::List(items) if items.is_empty() => text.push_str("[]"),
            Self::Map(fields) if fields.is_empty() => text.push_str("{}"),
            Self::List(items) => {
                text.push('[');
                for (place, item) in items.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    indent(text, depth + 1);
                    item.write(text, depth + 1);
                }
                indent(text, depth);
                text.push(']');
            }
            Self::Map(fields) => {
                text.push('{');
                for (place, (name, value)) in fields.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    indent(text, depth + 1);
                    text.push_str(&format!("{}: ", escaped(&name.as_str().into())));
                    value.write(text, depth + 1);
                }
                indent(text, depth);
                text.push('}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_shown_with_all_its_fields() {
        let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}, "storageClassName": "gp3",
            "selector": {"matchExpressions": [{"values": ["<"], "operator": "In", "key": "k"}], "matchLabels": {}}});
        assert_eq!(
            claim_spec(&spec).compact(),
            "{\"AccessModes\":[\"ReadWriteOnce\"],\"Selector\":{\"matchExpressions\":[{\"key\":\"k\",\"operator\":\"In\",\"values\":\
             [\"\\u003c\"]}]},\"Resources\":{\"Limits\":null,\"Requests\":{\"storage\":\"8Gi\"}},\"VolumeName\":\"\",\
             \"StorageClassName\":\"gp3\",\"VolumeMode\":null,\"DataSource\":null,\"DataSourceRef\":null,\
             \"VolumeAttributesClassName\":null}"
        );
        assert_eq!(
            claim_spec(&json!({"resources": {}})).pretty().lines().take(6).collect::<Vec<_>>(),
            [
                "{",
                " \"AccessModes\": null,",
                " \"Selector\": null,",
                " \"Resources\": {",
                "  \"Limits\": null,",
                "  \"Requests\": null"
            ]
        );
    }

    #[test]
    fn a_pod_has_the_fields_that_its_release_has() {
        let ends = |minor: u32| {
            let shown = pod_spec(&json!({"containers": [{"name": "a"}]}), minor).compact();
            let (_, end) = shown.split_once("\"ResourceClaims\":null,").unwrap();
            (end.to_owned(), shown.contains("\"RestartPolicyRules\":null"))
        };
        assert_eq!(ends(33), ("\"Resources\":null}".to_owned(), false));
        assert_eq!(ends(34), ("\"Resources\":null,\"HostnameOverride\":null}".to_owned(), true));
        assert_eq!(ends(35).0, "\"Resources\":null,\"HostnameOverride\":null,\"WorkloadRef\":null}");
        assert_eq!(ends(36).0, "\"Resources\":null,\"HostnameOverride\":null,\"SchedulingGroup\":null}");
    }

    #[test]
    fn a_pod_has_the_fields_of_the_node_in_its_security_context() {
        let shown = pod_spec(&json!({"hostNetwork": true, "containers": [{"name": "a"}]}), 36).compact();
        assert!(shown.contains("\"SecurityContext\":{\"HostNetwork\":true,\"HostPID\":false,"), "{shown}");
        assert!(
            shown.starts_with(
                "{\"Volumes\":null,\"InitContainers\":null,\"Containers\":[{\"Name\":\"a\",\"Image\":\"\","
            ),
            "{shown}"
        );
        let shown = pod_spec(&json!({"hostNetwork": true}), 37).compact();
        assert!(shown.contains("\"HostNetwork\":true,\"HostPID\":false,"), "{shown}");
        assert!(shown.contains("\"SecurityContext\":{\"SELinuxOptions\""), "{shown}");
    }

    #[test]
    fn every_type_that_is_named_is_known() {
        let all = || TYPES.lines().chain(TYPES_37.lines());
        let names: Vec<&str> = all().filter_map(|line| line.split_once(' ')).map(|(name, _)| name).collect();
        let plain = ["text", "number", "port", "truth", "quantity", "map", "selector", "metadata"];
        for field in all().flat_map(|line| line.split(' ').skip(1)) {
            let kind = field.rsplit('=').next().unwrap().trim_start_matches(['*', '[', ']']);
            assert!(plain.contains(&kind) || names.contains(&kind), "{field}");
        }
    }
}
