//! Which fields of the model hold names, and which texts have names in them.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::pseudonyms::Pseudonyms;
use crate::model::claim::{
    BETA_CLASS, BETA_STORAGE_PROVISIONER, BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE, STORAGE_PROVISIONER,
};
use crate::model::class::{BETA_DEFAULT_CLASS, DEFAULT_CLASS};
use crate::model::component::{known_part, tagged};
use crate::model::volume::PROVISIONED_BY;

/// Annotations that stay as they are.
const KEPT_ANNOTATIONS: &[&str] = &[
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    STORAGE_PROVISIONER,
    BETA_STORAGE_PROVISIONER,
    DEFAULT_CLASS,
    BETA_DEFAULT_CLASS,
    "pv.kubernetes.io/migrated-to",
    PROVISIONED_BY,
    "storage.alpha.kubernetes.io/migrated-plugins",
    "volume.kubernetes.io/storage-resizer",
];
/// Annotations that are one name.
const NAME_ANNOTATIONS: &[&str] =
    &[BETA_CLASS, SELECTED_NODE, "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"];
/// Annotations in which names stand, by the end of their domain; every other annotation is dropped.
const TEXT_ANNOTATIONS: &[&str] = &["kubernetes.io", "k8s.io", "argoproj.io", "helm.sh"];
/// Labels whose values stay, by the end of their key.
const KEPT_LABELS: &[&str] =
    &["zone", "region", "/os", "/arch", "/instance-type", "/managed-by", "app.kubernetes.io/version"];

/// Fields that are a name, a path or an identifier made of names.
const NAMES: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "namespaces",
    "nodeName",
    "nominatedNodeName",
    "host",
    "schedulerName",
    "serviceAccountName",
    "serviceName",
    "claimName",
    "volumeName",
    "storageClassName",
    "volumeAttributesClassName",
    "currentVolumeAttributesClassName",
    "priorityClassName",
    "runtimeClassName",
    "persistentVolumeName",
    "resourceClaimName",
    "resourceClaimTemplateName",
    "deviceClassName",
    "volumeHandle",
    "nodeID",
    "providerID",
    "machineID",
    "systemUUID",
    "pdName",
    "diskName",
    "diskURI",
    "shareName",
    "secretName",
    "secretNamespace",
    "volumeID",
    "volumePath",
    "targetPortal",
    "iqn",
    "monitors",
    "image",
    "pool",
    "server",
    "path",
    "url",
];
/// Texts with names in them.
const TEXTS: &[&str] = &["message", "expression", "mountOptions"];
/// Objects whose `name` is a driver's or a gate's, a domain of the vendor, or a variable's that gives a driver's.
const VENDORS: &[&str] = &["CSIDriver", "drivers", "schedulingGates", "env"];
/// Folders of kubelets and of drivers' sockets.
const KEPT_FOLDERS: &[&str] = &[
    "C:",
    "csi",
    "dev",
    "kubelet",
    "kubernetes.io",
    "lib",
    "libexec",
    "pluginproxy",
    "plugins",
    "plugins_registry",
    "registration",
    "run",
    "sockets",
    "unix:",
    "usr",
    "var",
];

/// Replaces names in objects. First every object is walked to learn the names, then again to replace them in texts.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    pseudonyms: Pseudonyms,
    known: HashSet<String>,
    complete: bool,
}

impl Redactor {
    /// Says that every name was met, so that names and texts can be redacted.
    pub(super) fn names_are_known(&mut self) {
        self.complete = true;
        self.pseudonyms.assign();
    }

    /// Whether every name was met.
    pub(super) fn complete(&self) -> bool {
        self.complete
    }

    /// A name's pseudonym; empty until every name was met.
    pub(super) fn name(&mut self, name: &str) -> String {
        if self.complete {
            return self.pseudonyms.name(name);
        }
        if !self.known.contains(name) {
            self.known.insert(name.to_owned());
            self.pseudonyms.learn(name);
        }
        String::new()
    }

    /// Replaces the known names in a text.
    pub(super) fn text(&mut self, text: &str) -> String {
        if !self.complete {
            return String::new();
        }
        let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(part_of_name) {
            let (before, token) = rest.split_at(start);
            let (token, after) = token.split_at(token.find(|c| !part_of_name(c)).unwrap_or(token.len()));
            result.push_str(before);
            self.token(token, &mut result);
            rest = after;
        }
        result.push_str(rest);
        result
    }

    fn token(&mut self, token: &str, result: &mut String) {
        let bare = token.trim_end_matches(['.', '-', '_']);
        if self.known.contains(token) {
            result.push_str(&self.pseudonyms.name(token));
        } else if self.known.contains(bare) {
            result.push_str(&self.pseudonyms.name(bare));
            result.push_str(&token[bare.len()..]);
        } else {
            result.push_str(token);
        }
    }

    /// Redacts a field's value; `parent` is the field that the field stands in.
    pub(super) fn walk(&mut self, parent: &str, field: &str, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(parent, field, item)),
            Value::Object(fields) => self.fields(parent, field, fields),
            Value::String(text) => {
                if let Some(redacted) = self.string(parent, field, text) {
                    *text = redacted;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn string(&mut self, parent: &str, field: &str, text: &str) -> Option<String> {
        match (parent, field) {
            (_, "volumesInUse") | ("volumesAttached", "name") => Some(self.attached(text)),
            ("service", "path") => None,
            ("hostPath", "path") => Some(self.path(text)),
            (_, "image") => Some(self.image(text)),
            _ if field == "name" && VENDORS.contains(&parent) => None,
            _ if NAMES.contains(&field) => Some(self.name(text)),
            (_, "command" | "args") => self.flag(text),
            _ if TEXTS.contains(&field) => Some(self.text(text)),
            _ => None,
        }
    }

    /// A flag of a command line: paths and namespaces are replaced, drivers and gates stay.
    fn flag(&mut self, word: &str) -> Option<String> {
        let (flag, value) = word.split_once('=')?;
        match flag {
            "--config" | "--leader-election-namespace" => Some(format!("{flag}={}", self.name(value))),
            _ => value.contains(['/', '\\']).then(|| format!("{flag}={}", self.path(value))),
        }
    }

    /// A path on a node: the kubelet's folders and the one of a driver's socket stay.
    fn path(&mut self, path: &str) -> String {
        let mut result = String::with_capacity(path.len());
        let mut before = "";
        for part in path.split_inclusive(['/', '\\']) {
            let name = part.trim_end_matches(['/', '\\']);
            let (bare, ending) = name.strip_suffix(".sock").map_or((name, ""), |bare| (bare, ".sock"));
            let stays = KEPT_FOLDERS.contains(&bare) || before == "plugins" && ending.is_empty();
            result.push_str(&if stays { bare.to_owned() } else { self.name(bare) });
            result.push_str(ending);
            result.push_str(&part[name.len()..]);
            before = name;
        }
        result
    }

    /// An image: what tells a driver's part stays, with a tag that is a version.
    fn image(&mut self, image: &str) -> String {
        let Some(known) = known_part(image) else { return self.name(image) };
        let before = self.name(&image[..tagged(image).len() - known.len()]);
        match known.split_once(':') {
            Some((name, tag)) if !is_version(tag) => format!("{before}{name}:{}", self.name(tag)),
            _ => format!("{before}{known}"),
        }
    }

    fn fields(&mut self, parent: &str, field: &str, fields: &mut Map<String, Value>) {
        match field {
            "annotations" => return self.annotations(fields),
            "parameters" => fields.iter_mut().for_each(|(_, value)| self.rename(value)),
            "hard" | "used" => self.keys(fields, |redactor, key| {
                let (class, rest) = key.split_once(".storageclass.storage.k8s.io/")?;
                Some(format!("{}.storageclass.storage.k8s.io/{rest}", redactor.name(class)))
            }),
            "disruptedPods" => self.keys(fields, |redactor, key| Some(redactor.name(key))),
            _ => {}
        }
        if let Some(key) = fields.get("key").and_then(Value::as_str).map(str::to_owned) {
            ["value", "values"].iter().for_each(|name| {
                if let Some(value) = fields.get_mut(*name) {
                    self.label(&key, value);
                }
            });
            return;
        }
        let labels = matches!(field, "labels" | "matchLabels" | "nodeSelector" | "selector");
        // An object's own metadata is what its kind says: a driver's name stays, whatever the field around it.
        let around = if field == "metadata" { parent } else { field };
        for (name, value) in fields {
            if labels && value.is_string() {
                self.label(name, value);
            } else {
                self.walk(around, name, value);
            }
        }
    }

    fn label(&mut self, key: &str, value: &mut Value) {
        if !KEPT_LABELS.iter().any(|end| key.ends_with(end)) {
            self.rename(value);
        }
    }

    fn rename(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.name(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.rename(item)),
            _ => {}
        }
    }

    fn keys(&mut self, fields: &mut Map<String, Value>, rename: impl Fn(&mut Self, &str) -> Option<String>) {
        *fields =
            std::mem::take(fields).into_iter().map(|(key, value)| (rename(self, &key).unwrap_or(key), value)).collect();
    }

    fn annotations(&mut self, annotations: &mut Map<String, Value>) {
        annotations.retain(|key, _| {
            let domain = key.split_once('/').map_or("", |(domain, _)| domain);
            TEXT_ANNOTATIONS.iter().any(|end| domain.ends_with(end))
        });
        for (key, value) in annotations {
            let Value::String(text) = value else { continue };
            if NAME_ANNOTATIONS.contains(&key.as_str()) {
                *text = self.name(text);
            } else if !KEPT_ANNOTATIONS.contains(&key.as_str()) {
                *text = self.text(text);
            }
        }
    }

    /// `kubernetes.io/csi/DRIVER^HANDLE`, or `kubernetes.io/PLUGIN/IDENTIFIER`: the plugin or driver stays.
    fn attached(&mut self, text: &str) -> String {
        let split = text.find('^').or_else(|| text.match_indices('/').nth(1).map(|(at, _)| at));
        let Some(split) = split else { return self.name(text) };
        let (prefix, identifier) = text.split_at(split + 1);
        format!("{prefix}{}", self.name(identifier))
    }
}

/// Whether a tag says no more than a version: `v5.3.0`.
fn is_version(tag: &str) -> bool {
    tag.trim_start_matches('v').chars().all(|c| c.is_ascii_digit() || c == '.')
}
