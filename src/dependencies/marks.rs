//! What the template of a pod shows of the driver that it belongs to.

use std::collections::HashSet;

use crate::model::component::{Role, component};
use crate::model::pod::{Container, PodSpec};

/// Parts of the names of sidecars' containers, for pods of which no image is known.
const BY_NAME: &[(&str, Role)] = &[
    ("provisioner", Role::Provisioner),
    ("attacher", Role::Attacher),
    ("resizer", Role::Resizer),
    ("snapshotter", Role::Snapshotter),
    ("registrar", Role::Registrar),
    ("liveness", Role::Beside),
    ("health-monitor", Role::Beside),
    ("syncer", Role::Beside),
];

/// Flags that say where a driver's socket lies on the node.
const PLACES: &[&str] = &["kubelet-registration-path"];

/// The marks of a driver.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks<'a> {
    /// Whether a container does something for volumes.
    pub(super) marked: bool,
    /// Whether an image or a program says so, and not only a container's name.
    pub(super) sure: bool,
    /// The drivers that it names, by flags, variables, sockets or as what its image is.
    pub(super) drivers: Vec<&'a str>,
}

impl<'a> Marks<'a> {
    /// The marks of a template; folders of sockets are names where they are those of known drivers.
    pub(super) fn of(spec: &'a PodSpec, known: &HashSet<&str>) -> Self {
        let containers = || spec.containers.iter().chain(&spec.init_containers);
        let serves =
            |role: Option<Role>| role.is_some_and(|role| !matches!(role, Role::Cloud | Role::Beside | Role::Server));
        let mut drivers: Vec<&'a str> = containers().flat_map(Container::named_drivers).collect();
        let hosts = spec.volumes.iter().filter_map(|volume| volume.host_path.as_ref()).map(|host| host.path.as_str());
        let flags = containers().flat_map(|container| PLACES.iter().filter_map(|flag| container.flag(flag)));
        let folders = hosts.chain(flags).flat_map(|path| path.split(['/', '\\']));
        drivers.extend(folders.filter(|folder| known.contains(folder)));
        if drivers.is_empty() {
            let components = containers().filter_map(|container| component(&container.image, container.program()));
            let products = components.filter(|component| component.role != Role::Cloud && !component.name.is_empty());
            drivers.extend(products.map(|component| component.name));
        }
        drivers.sort_unstable();
        drivers.dedup();
        Self {
            marked: !drivers.is_empty() || containers().any(|container| serves(role(container))),
            sure: containers().any(|container| serves(container.role())),
            drivers,
        }
    }
}

/// What a container does for a driver: by its image or program and, where nothing is known of these, by its name. A driver's
/// image may hold its sidecars as well; the name tells then which of them the container is.
pub(super) fn role(container: &Container) -> Option<Role> {
    let by_name = || BY_NAME.iter().find(|(word, _)| container.name.contains(word)).map(|(_, role)| *role);
    match container.role() {
        None if container.image.is_empty() => by_name(),
        Some(Role::Driver) if container.program().is_empty() => by_name().or(Some(Role::Driver)),
        role => role,
    }
}

/// Whether a container stands beside the driver's own.
pub(super) fn is_sidecar(container: &Container) -> bool {
    role(container).is_some_and(|role| !matches!(role, Role::Driver | Role::Helper | Role::Server))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sidecar_in_the_drivers_own_image_is_known_by_its_program_or_its_name() {
        let image = "ghcr.io/topolvm/topolvm-with-sidecar:0.41.0";
        for (container, expected) in [
            (json!({"name": "csi-provisioner", "image": image}), Role::Provisioner),
            (json!({"name": "a", "image": image, "command": ["/csi-provisioner"]}), Role::Provisioner),
            (json!({"name": "topolvm-controller", "image": image}), Role::Driver),
            (json!({"name": "csi-provisioner", "image": image, "command": ["/topolvm-controller"]}), Role::Driver),
        ] {
            let container: Container = serde_json::from_value(container).unwrap();
            assert_eq!(role(&container), Some(expected), "{container:?}");
        }
    }
}
