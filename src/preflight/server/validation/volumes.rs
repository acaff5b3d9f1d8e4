//! The volumes of a pod (`pkg/apis/core/validation`, ValidateVolumes).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::field::{Errors, Path, quote};
use super::super::json::{at, list, number, text};
use super::names::{label, subdomain};
use super::{claims, environment, meta};

/// The volumes that are fit, by name.
pub(super) type Volumes<'p> = BTreeMap<&'p str, &'p Value>;

/// What a file's mode has to be.
const FILE_MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";

/// Sources of volumes, in the order in which the server looks at them.
const SOURCES: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// Fields that a source must have.
const REQUIRED: &[(&str, &[&str])] = &[
    ("secret", &["secretName"]),
    ("configMap", &["name"]),
    ("persistentVolumeClaim", &["claimName"]),
    ("nfs", &["server", "path"]),
    ("gitRepo", &["repository"]),
    ("glusterfs", &["endpoints", "path"]),
    ("cephfs", &["monitors"]),
    ("rbd", &["monitors", "image"]),
    ("cinder", &["volumeID"]),
    ("azureFile", &["secretName", "shareName"]),
    ("azureDisk", &["diskName", "diskURI"]),
    ("vsphereVolume", &["volumePath"]),
    ("portworxVolume", &["volumeID"]),
    ("awsElasticBlockStore", &["volumeID"]),
    ("gcePersistentDisk", &["pdName"]),
    ("csi", &["driver"]),
    ("flexVolume", &["driver"]),
];

/// Checks the volumes of a pod spec; the pod's name is known where it is a pod.
pub(super) fn validate<'p>(spec: &'p Value, pod: Option<&str>, path: &Path, errors: &mut Errors) -> Volumes<'p> {
    let mut volumes = Volumes::new();
    let made: BTreeSet<String> = pod.map_or_else(BTreeSet::new, |pod| {
        let volumes = list(spec, "/volumes").iter().filter(|volume| at(volume, "/ephemeral").is_some());
        volumes.map(|volume| format!("{pod}-{}", text(volume, "/name"))).collect()
    });
    for (index, volume) in list(spec, "/volumes").iter().enumerate() {
        let (path, name) = (path.index(index), text(volume, "/name"));
        let mut found = Errors::default();
        source(volume, name, pod, &path, &mut found);
        if name.is_empty() {
            found.required(&path.child("name"), "");
        } else {
            found.all_invalid(&path.child("name"), name, label(name));
        }
        if volumes.contains_key(name) {
            found.duplicate(&path.child("name"), name);
        }
        if found.is_empty() {
            volumes.insert(name, volume);
        }
        errors.extend(found);
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        if made.contains(claim) {
            let path = path.child("persistentVolumeClaim").child("claimName");
            errors.invalid(&path, claim, "must not reference a PVC that gets created for an ephemeral volume");
        }
    }
    volumes
}

fn source(volume: &Value, name: &str, pod: Option<&str>, path: &Path, errors: &mut Errors) {
    let mut any = false;
    for kind in SOURCES {
        let Some(source) = at(volume, &format!("/{kind}")) else { continue };
        let place = path.child(kind);
        if any {
            errors.forbidden(&place, "may not specify more than 1 volume type");
            continue;
        }
        any = true;
        required(kind, source, &place, errors);
        match *kind {
            "emptyDir" => empty_dir(source, &place, errors),
            "hostPath" => host_path(source, &place, errors),
            "secret" | "configMap" => files(source, &place, errors),
            "downwardAPI" => downward(source, &place, errors),
            "projected" => projected(source, &place, errors),
            "csi" => csi_driver(text(source, "/driver"), &place.child("driver"), errors),
            "ephemeral" => ephemeral(source, name, pod, path, errors),
            _ => {}
        }
    }
    if !any {
        errors.required(path, "must specify a volume type");
    }
}

/// Fields of a source that have to be there.
pub(super) fn required(kind: &str, source: &Value, path: &Path, errors: &mut Errors) {
    let fields = REQUIRED.iter().find(|(known, _)| *known == kind).map_or(&[] as &[&str], |(_, fields)| fields);
    for field in fields {
        if super::super::json::empty(source, &format!("/{field}")) {
            errors.required(&path.child(field), "");
        }
    }
    let nfs = text(source, "/path");
    if kind == "nfs" && !nfs.starts_with('/') {
        errors.invalid(&path.child("path"), nfs, "must be an absolute path");
    }
}

fn empty_dir(source: &Value, path: &Path, errors: &mut Errors) {
    let size = at(source, "/sizeLimit").and_then(super::super::amount::Amount::of);
    if size.is_some_and(|size| size.nanos < 0) {
        errors.forbidden(&path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity");
    }
}

/// `validateHostPathVolumeSource`
pub(super) fn host_path(source: &Value, path: &Path, errors: &mut Errors) {
    let own = text(source, "/path");
    if own.is_empty() {
        errors.required(&path.child("path"), "");
        return;
    }
    if backsteps(own) {
        errors.invalid(&path.child("path"), own, "must not contain '..'");
    }
    let known = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    let kind = text(source, "/type");
    if !known.contains(&kind) {
        errors.unsupported(&path.child("type"), kind, &known);
    }
}

fn mode(source: &Value, field: &str, path: &Path, errors: &mut Errors) {
    if let Some(mode) = number(source, &format!("/{field}")).filter(|mode| !(0..=0o777).contains(mode)) {
        errors.invalid(&path.child(field), mode, FILE_MODE);
    }
}

fn files(source: &Value, path: &Path, errors: &mut Errors) {
    mode(source, "defaultMode", path, errors);
    for (index, item) in list(source, "/items").iter().enumerate() {
        let path = path.child("items").index(index);
        for field in ["key", "path"] {
            if text(item, &format!("/{field}")).is_empty() {
                errors.required(&path.child(field), "");
            }
        }
        not_reserved(text(item, "/path"), &path.child("path"), errors);
        mode(item, "mode", &path, errors);
    }
}

/// Where in its list a file stands isn't told.
fn downward(source: &Value, path: &Path, errors: &mut Errors) {
    mode(source, "defaultMode", path, errors);
    for item in list(source, "/items") {
        downward_file(item, path, errors);
    }
}

fn downward_file(item: &Value, path: &Path, errors: &mut Errors) {
    const FIELDS: &[&str] =
        &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
    if text(item, "/path").is_empty() {
        errors.required(&path.child("path"), "");
    }
    not_reserved(text(item, "/path"), &path.child("path"), errors);
    match (at(item, "/fieldRef"), at(item, "/resourceFieldRef")) {
        (Some(field), resource) => {
            environment::field(field, FIELDS, &path.child("fieldRef"), errors);
            if resource.is_some() {
                errors.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
            }
        }
        (None, Some(resource)) => environment::resource(resource, true, &path.child("resourceFieldRef"), errors),
        (None, None) => errors.required(path, "one of fieldRef and resourceFieldRef is required"),
    }
    mode(item, "mode", path, errors);
}

fn projected(source: &Value, path: &Path, errors: &mut Errors) {
    mode(source, "defaultMode", path, errors);
    for (index, source) in list(source, "/sources").iter().enumerate() {
        let own = path.child("sources").index(index);
        let mut any = false;
        for kind in
            ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"]
        {
            let Some(part) = at(source, &format!("/{kind}")) else { continue };
            let place = own.child(kind);
            if any {
                errors.forbidden(&own, "may not specify more than 1 volume type per source");
                continue;
            }
            any = true;
            match kind {
                "secret" | "configMap" => {
                    if text(part, "/name").is_empty() {
                        errors.required(&place.child("name"), "");
                    }
                    files(part, &place, errors);
                }
                "downwardAPI" => {
                    for item in list(part, "/items") {
                        downward_file(item, &place, errors);
                    }
                }
                "serviceAccountToken" => token(part, &place, path, errors),
                _ => {}
            }
        }
    }
}

/// That a path is missing is told of the volume, not of the token.
fn token(part: &Value, path: &Path, volume: &Path, errors: &mut Errors) {
    let seconds = number(part, "/expirationSeconds").unwrap_or(3600);
    if seconds < 600 {
        errors.invalid(&path.child("expirationSeconds"), seconds, "may not specify a duration less than 10 minutes");
    } else if seconds > 1 << 32 {
        errors.invalid(
            &path.child("expirationSeconds"),
            seconds,
            "may not specify a duration larger than 2^32 seconds",
        );
    }
    if text(part, "/path").is_empty() {
        errors.required(&volume.child("path"), "");
    }
}

/// `ValidateCSIDriverName`
pub(super) fn csi_driver(name: &str, path: &Path, errors: &mut Errors) {
    if name.is_empty() {
        return;
    }
    if name.len() > 63 {
        errors.too_long(path, 63);
    }
    errors.all_invalid(path, name, subdomain(&name.to_lowercase()));
}

fn ephemeral(source: &Value, name: &str, pod: Option<&str>, path: &Path, errors: &mut Errors) {
    let template = path.child("ephemeral").child("volumeClaimTemplate");
    let Some(claim) = at(source, "/volumeClaimTemplate") else {
        errors.required(&template, "");
        return;
    };
    meta::annotations(claim, "/metadata/annotations", &template.child("metadata").child("annotations"), errors);
    meta::labels(claim, "/metadata/labels", &template.child("metadata").child("labels"), errors);
    claims::spec(claim, &template.child("spec"), errors);
    if let Some(pod) = pod.filter(|pod| !pod.is_empty() && !name.is_empty()) {
        let claim = format!("{pod}-{name}");
        for wrong in subdomain(&claim) {
            errors.invalid(&path.child("name"), name, &format!("PVC name {}: {wrong}", quote(&claim)));
        }
    }
}

/// Whether a path goes up.
pub(super) fn backsteps(path: &str) -> bool {
    path.split('/').any(|step| step == "..")
}

/// `validateLocalDescendingPath`
pub(super) fn descending(target: &str, path: &Path, errors: &mut Errors) {
    if target.starts_with('/') {
        errors.invalid(path, target, "must be a relative path");
    }
    if backsteps(target) {
        errors.invalid(path, target, "must not contain '..'");
    }
}

/// `ValidateLocalNonReservedPath`
fn not_reserved(target: &str, path: &Path, errors: &mut Errors) {
    descending(target, path, errors);
    if target.starts_with("..") && !target.starts_with("../") {
        errors.invalid(path, target, "must not start with '..'");
    }
}
