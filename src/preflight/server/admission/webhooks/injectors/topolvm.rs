//! What TopoLVM's webhooks add (TopoLVM, `internal/hook/mutate_pod.go`, `mutate_pvc.go`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::super::super::json::{at, list, list_mut, set, slot, text};
use super::super::super::super::pod::amounts;
use super::super::super::{Attributes, class_of};

/// The class of devices where a storage class names none.
const DEFAULT: &str = "00default";

/// Marks a pod whose volumes are still to be made, and claims of TopoLVM.
///
/// # Errors
/// Where claims or classes could not be read.
pub(super) fn answer(cx: &Attributes<'_>, webhook: &Value, object: &mut Value) -> Result<(), String> {
    let domain = if text(webhook, "/name").contains("cybozu") { "topolvm.cybozu.com" } else { "topolvm.io" };
    if cx.is("", "PersistentVolumeClaim") {
        if of_topolvm(cx, object, domain)?.is_some() {
            finalizer(object, domain);
        }
        return Ok(());
    }
    if !cx.is("", "Pod") {
        return Ok(());
    }
    let sizes = sizes(cx, object, domain)?;
    if sizes.is_empty() {
        return Ok(());
    }
    let resource = format!("{domain}/capacity");
    if let Some(container) = list_mut(object, "/spec/containers").next() {
        for field in ["requests", "limits"] {
            set(container, &["resources", field, &resource], "1");
        }
    }
    for (class, bytes) in sizes {
        set(object, &["metadata", "annotations", &format!("capacity.{domain}/{class}")], bytes.to_string());
    }
    Ok(())
}

/// Bytes by class of devices that a pod's volumes take; nothing where one of them is made already.
fn sizes(cx: &Attributes<'_>, pod: &Value, domain: &str) -> Result<BTreeMap<String, i64>, String> {
    let mut sizes = BTreeMap::new();
    for volume in list(pod, "/spec/volumes") {
        let own = at(volume, "/ephemeral/volumeClaimTemplate");
        let name = text(volume, "/persistentVolumeClaim/claimName");
        let Some(claim) = own.or_else(|| cx.world.get("PersistentVolumeClaim", Some(cx.namespace), name)) else {
            continue;
        };
        let Some(class) = of_topolvm(cx, claim, domain)? else { continue };
        if own.is_none() && !matches!(text(claim, "/status/phase"), "" | "Pending") {
            return Ok(BTreeMap::new());
        }
        let size = amounts(claim, "/spec/resources/requests").get("storage").map_or(0, |size| size.value());
        let sum: &mut i64 = sizes.entry(class).or_insert(0);
        *sum = sum.saturating_add(size);
    }
    Ok(sizes)
}

/// The class of devices of a claim that TopoLVM provisions.
fn of_topolvm(cx: &Attributes<'_>, claim: &Value, domain: &str) -> Result<Option<String>, String> {
    let Some(name) = class_of(claim).filter(|name| !name.is_empty()) else { return Ok(None) };
    match cx.world.get("StorageClass", None, name) {
        Some(class) if text(class, "/provisioner") == domain => {
            let devices = at(class, "/parameters")
                .and_then(|all| all.get(format!("{domain}/device-class")))
                .and_then(Value::as_str);
            Ok(Some(devices.filter(|name| !name.is_empty()).unwrap_or(DEFAULT).to_owned()))
        }
        None if !cx.world.read("StorageClass") => Err(format!("storage class {name} could not be read")),
        _ => Ok(None),
    }
}

fn finalizer(claim: &mut Value, domain: &str) {
    let finalizer = format!("{domain}/pvc");
    if let Some(finalizers) = slot(claim, &["metadata", "finalizers"]) {
        match finalizers.as_array_mut() {
            Some(known) if known.iter().any(|known| *known == finalizer) => {}
            Some(known) => known.push(finalizer.into()),
            None => *finalizers = json!([finalizer]),
        }
    }
}
