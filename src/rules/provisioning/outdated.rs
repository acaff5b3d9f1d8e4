//! Provisioners that are too old for the API server: what they ask for has been removed.

use crate::dependencies::Part;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::model::component::known_part;
use crate::model::version::Version;

/// What is asked of the provisioner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Work {
    /// To make volumes.
    Provisioning,
    /// To publish free capacity.
    Capacity,
}

/// A release of a provisioner that needs something which servers have removed.
struct Removal {
    /// The last part of its image.
    image: &'static str,
    /// The first release that does without; `None` where none does.
    until: Option<(u32, u32)>,
    work: Work,
    /// What it asks for.
    lost: &'static str,
    /// The first release of Kubernetes without it.
    since: Version,
}

/// external-provisioner CHANGELOG-2.0 (Kubernetes 1.17, storage.k8s.io/v1) and CHANGELOG-3.2 (CSIStorageCapacity v1);
/// Kubernetes' deprecation guide; the gate RemoveSelfLink, locked since 1.24.
const REMOVALS: &[Removal] = &[
    Removal {
        image: "csi-provisioner",
        until: Some((2, 0)),
        work: Work::Provisioning,
        lost: "CSINodes of storage.k8s.io/v1beta1",
        since: Version::new(1, 22),
    },
    Removal {
        image: "csi-provisioner",
        until: Some((3, 2)),
        work: Work::Capacity,
        lost: "CSIStorageCapacities of storage.k8s.io/v1beta1",
        since: Version::new(1, 27),
    },
    Removal {
        image: "nfs-client-provisioner",
        until: None,
        work: Work::Provisioning,
        lost: "self links of objects",
        since: Version::new(1, 24),
    },
];

/// A provisioner that is too old for the server.
pub(in crate::rules) struct Outdated {
    /// `Deployment a runs csi-provisioner:v1.5.0, which asks for CSINodes of storage.k8s.io/v1beta1, and servers don't have
    /// these since 1.22`.
    pub(in crate::rules) text: String,
    pub(in crate::rules) fact: Evidence,
    /// What to do about it.
    pub(in crate::rules) cure: String,
}

/// Whether a part's provisioner is too old for its work, where its image and the server's release are known.
pub(in crate::rules) fn outdated(cx: &Context<'_>, part: &Part<'_>, work: Work) -> Option<Outdated> {
    let server = Version::named_by(cx.snapshot.server_version.as_deref()?)?;
    let images = part.spec.containers.iter().filter_map(|container| Some((container, known_part(&container.image)?)));
    let (container, image, removal) = images.into_iter().find_map(|(container, image)| {
        let (name, tag) = image.rsplit_once(':')?;
        let own = REMOVALS.iter().filter(|removal| removal.image == name && removal.work == work);
        let too_old = |removal: &&Removal| match removal.until {
            None => true,
            Some(until) => release(tag).is_some_and(|own| own < until),
        };
        let removal = own.filter(|removal| server >= removal.since).find(too_old)?;
        Some((container, image, removal))
    })?;
    let (lost, since) = (removal.lost, removal.since);
    let text =
        format!("{} runs {image}, which asks for {lost}, and servers don't have these since {since}", part.words());
    let (object, path) = part.place(&format!("containers[{}].image", container.name));
    let note = format!("the server is of release {server}");
    let cure = match removal.until {
        Some((major, minor)) => format!(
            "Upgrade {}, or the chart that brings it, to a release with {} v{major}.{minor} or newer",
            part.words(),
            removal.image
        ),
        None => format!(
            "Replace {} by its successor, which goes without (nfs-subdir-external-provisioner), under the same name of \
             the provisioner",
            part.words()
        ),
    };
    Some(Outdated { text, fact: Context::fact(object, &path, image, note), cure })
}

/// Major and minor release of an image's tag, such as `v2.2.2`.
fn release(tag: &str) -> Option<(u32, u32)> {
    let mut numbers = tag.trim_start_matches('v').split(['.', '-', '_']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn a_tag_names_its_release() {
        assert_eq!(release("v2.2.2"), Some((2, 2)));
        assert_eq!(release("3.6.0-eks-1-28"), Some((3, 6)));
        assert_eq!(release("v5"), None);
        assert_eq!(release("latest"), None);
    }
}
