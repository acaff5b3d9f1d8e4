//! What the checks of pod security share (`policy/helpers.go`, `visitor.go`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::super::json::{at, list, text};

/// What a check finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) reason: String,
    pub(super) detail: String,
}

/// A finding.
pub(super) fn finding(reason: &str, detail: String) -> Option<Finding> {
    Some(Finding { reason: reason.to_owned(), detail })
}

/// A pod with the release whose checks it is held to.
pub(super) struct Pod<'p> {
    pub(super) object: &'p Value,
    pub(super) minor: u32,
}

impl<'p> Pod<'p> {
    /// All containers, in the order in which they are looked at.
    pub(super) fn containers(&self) -> impl Iterator<Item = &'p Value> {
        let object = self.object;
        ["/spec/initContainers", "/spec/containers", "/spec/ephemeralContainers"]
            .into_iter()
            .flat_map(|place| list(object, place))
    }

    /// The names of the containers for which something holds.
    pub(super) fn named(&self, holds: impl Fn(&Value) -> bool) -> Vec<&'p str> {
        self.containers().filter(|container| holds(container)).map(|container| text(container, "/name")).collect()
    }

    /// Who sets something that may not be set: the pod, containers or both.
    pub(super) fn setters(&self, field: &str, wrong: impl Fn(&Value) -> bool) -> Vec<String> {
        let pointer = format!("/securityContext/{field}");
        let own = at(self.object, "/spec").and_then(|spec| at(spec, &pointer)).is_some_and(&wrong);
        let mut setters: Vec<String> = own.then(|| "pod".to_owned()).into_iter().collect();
        let containers = self.named(|container| at(container, &pointer).is_some_and(&wrong));
        if !containers.is_empty() {
            setters.push(several("container", &containers));
        }
        setters
    }

    /// The values that a field has in the pod and its containers, as far as they are wrong.
    pub(super) fn values(&self, field: &str, wrong: impl Fn(&str) -> bool) -> BTreeSet<&'p str> {
        let pointer = format!("/securityContext/{field}");
        let own = at(self.object, "/spec").and_then(|spec| at(spec, &pointer));
        let all = own.into_iter().chain(self.containers().filter_map(|container| at(container, &pointer)));
        all.filter_map(Value::as_str).filter(|value| wrong(value)).collect()
    }

    /// Whether the pod has users of its own.
    pub(super) fn own_users(&self) -> bool {
        at(self.object, "/spec/hostUsers") == Some(&Value::Bool(false))
    }

    /// Whether the pod says that it is for Windows.
    pub(super) fn windows(&self) -> bool {
        text(self.object, "/spec/os/name") == "windows"
    }
}

/// `container "a"`, `containers "a", "b"`
pub(super) fn several(what: &str, names: &[&str]) -> String {
    format!("{} {}", plural(what, names.len()), join(names))
}

/// The word for one or for several.
pub(super) fn plural(what: &str, count: usize) -> String {
    if count == 1 { what.to_owned() } else { format!("{what}s") }
}

/// The names in quotes; what is in them is not escaped.
pub(super) fn join(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("\"{}\"", names.join("\", \"")) }
}
