//! Who should grow the volumes of a driver: its external-resizer, as far as the cluster shows it.

use crate::dependencies::Part;
use crate::diagnosis::context::{Context, pod_ref};
use crate::model::component::Role;
use crate::model::pod::Container;
use crate::model::{ObjectRef, Pod};
use crate::rules::drivers::driver::sidecar;
use crate::rules::drivers::trouble::{Trouble, trouble};

/// Seconds within which a resizer may start before it counts as down.
const PATIENCE: i64 = 60;

/// What became of a driver's resizer.
pub(super) enum Resizer<'a> {
    /// No part of the driver that could have one is seen.
    Unseen,
    /// The workload that makes the driver's volumes has none, nor has anything beside it.
    Lacking(Part<'a>),
    /// What runs it does not run.
    Down { part: Part<'a>, trouble: Trouble<'a> },
    /// It looks for the driver's socket where nothing is mounted.
    Deaf { part: Part<'a>, container: &'a Container, certain: bool },
    /// It runs.
    Runs { part: Part<'a>, container: &'a str },
}

/// What became of the resizer of a driver.
pub(super) fn resizer<'a>(cx: &Context<'a>, driver: &str) -> Resizer<'a> {
    let Some((part, name)) = sidecar(cx, driver, Role::Resizer) else {
        return lacking(cx, driver).map_or(Resizer::Unseen, Resizer::Lacking);
    };
    let container = part.spec.containers.iter().find(|container| container.name == name);
    if let Some(container) = container.filter(|container| deaf(container)) {
        return Resizer::Deaf { part, container, certain: cx.drivers.certain(&part, driver) };
    }
    let pods = part.pods(cx);
    let down = cx.snapshot.pods.covers(part.namespace) && !pods.iter().any(|pod| pod.ready());
    match down.then(|| trouble(cx, &part, &pods, PATIENCE)).flatten() {
        Some(trouble) => Resizer::Down { part, trouble },
        None => Resizer::Runs { part, container: name },
    }
}

/// The pods of a part, and what makes them.
pub(super) fn behind(cx: &Context<'_>, part: &Part<'_>) -> Vec<ObjectRef> {
    part.pods(cx).into_iter().map(pod_ref).chain(part.makers(cx)).collect()
}

/// The workload that surely makes the driver's volumes, where neither it nor a pod of its namespace has a resizer.
fn lacking<'a>(cx: &Context<'a>, driver: &str) -> Option<Part<'a>> {
    let (part, _) = sidecar(cx, driver, Role::Provisioner)?;
    let others = cx.snapshot.pods.in_namespace(part.namespace).iter().any(|pod| resizes(pod));
    let known = cx.drivers.certain(&part, driver) && cx.snapshot.pods.covers(part.namespace);
    (known && !others).then_some(part)
}

fn resizes(pod: &Pod) -> bool {
    let resizer = |container: &Container| {
        container.role() == Some(Role::Resizer) || container.name.contains("resizer") || container.image.is_empty()
    };
    pod.spec.of_storage() && pod.spec.containers.iter().any(resizer)
}

/// The path of the socket at which a sidecar looks for the driver; nothing where it is not told one.
pub(super) fn address(container: &Container) -> Option<&str> {
    let address = container.flag("csi-address")?;
    let path = address.strip_prefix("unix:").unwrap_or(address);
    let path = if path.starts_with("//") { path.trim_start_matches("//") } else { path };
    path.starts_with('/').then_some(path)
}

/// Whether no volume is mounted at the folder of a sidecar's socket, so that nobody else can have put it there.
fn deaf(container: &Container) -> bool {
    let under = |path: &str, folder: &str| {
        path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
    };
    let mounts = &container.volume_mounts;
    let lost = |path: &str| !mounts.iter().any(|mount| under(path, &mount.mount_path));
    !mounts.is_empty() && address(container).is_some_and(lost)
}

/// The socket that the other sidecars of a part are told, where all that are told one agree.
pub(super) fn address_of_others<'a>(part: &Part<'a>, container: &Container) -> Option<&'a str> {
    let others = part.spec.containers.iter().filter(|other| other.name != container.name);
    let mut told: Vec<&str> = others.filter_map(address).collect();
    told.dedup();
    match told.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}
