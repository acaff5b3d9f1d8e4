//! Drivers whose names are alike: one vendor's, of which one took the other's place.

use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Evidence;
use crate::model::{Kind, ObjectRef};

/// A driver of the cluster whose name begins alike and is of the same vendor, such as `ebs.csi.eks.amazonaws.com` beside
/// `ebs.csi.aws.com`: it does not serve the other's volumes.
pub(super) fn similar(cx: &Context<'_>, driver: &str) -> Option<String> {
    let drivers = cx.snapshot.csi_drivers.seen().iter().map(|driver| driver.metadata.name.as_str());
    drivers.filter(|other| *other != driver && alike(driver, other)).map(str::to_owned).next()
}

fn alike(one: &str, other: &str) -> bool {
    let (Some((kind, vendor)), Some((other_kind, other_vendor))) = (halves(one), halves(other)) else { return false };
    kind == other_kind && (vendor.ends_with(other_vendor) || other_vendor.ends_with(vendor))
}

/// `disk.csi.azure.com` is kind `disk.csi` of vendor `azure.com`: the first two and the last two parts.
fn halves(driver: &str) -> Option<(&str, &str)> {
    let dots: Vec<usize> = driver.match_indices('.').map(|(at, _)| at).collect();
    match dots.as_slice() {
        [_, second, .., before_last, _] => Some((&driver[..*second], &driver[before_last + 1..])),
        [_, second, _] => Some((&driver[..*second], &driver[second + 1..])),
        _ => None,
    }
}

/// The similar driver as a fact.
pub(super) fn similar_fact(cx: &Context<'_>, driver: &str) -> Option<Evidence> {
    let other = similar(cx, driver)?;
    let note = format!("a driver of a similar name; it neither makes nor mounts volumes of {driver}");
    Some(Context::fact(ObjectRef::new(Kind::CSIDriver, "", &other), "metadata.name", other.clone(), note))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_of_one_kind_and_vendor_are_alike() {
        assert!(alike("ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com"));
        assert!(!alike("ebs.csi.aws.com", "efs.csi.aws.com"));
        assert!(!alike("disk.csi.azure.com", "disk.csi.acme.com"));
        assert!(!alike("nfs", "nfs.csi.k8s.io"));
    }
}
