//! Which volume the PV controller picks for a claim, and why it passes over the others
//! (`pkg/controller/volume/persistentvolume/index.go` and `component-helpers/storage/volume/pv_helpers.go`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::mismatch::Mismatch;
use super::verdict::VolumeMismatch;
use crate::model::{Claim, Quantity, Volume};

/// How many volumes a verdict lists at most.
const MAX_LISTED: usize = 200;

/// A set of access modes, a bit each; modes that upstream doesn't know are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct AccessModes(u8);

impl AccessModes {
    const KNOWN: [&'static str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

    fn bit(mode: &str) -> Option<u8> {
        Self::KNOWN.iter().position(|known| *known == mode).map(|position| 1 << position)
    }

    fn of(modes: &[String]) -> Self {
        Self(modes.iter().filter_map(|mode| Self::bit(mode)).fold(0, |set, bit| set | bit))
    }

    fn contain_all(self, modes: &[String]) -> bool {
        modes.iter().all(|mode| Self::bit(mode).is_some_and(|bit| self.0 & bit != 0))
    }
}

/// The volumes with the same access modes that a claim could get.
#[derive(Debug, Default)]
struct Group<'a> {
    /// Bound or reserved volumes by the namespace and name in `claimRef`.
    reserved: HashMap<(&'a str, &'a str), Vec<&'a Volume>>,
    /// Free and available volumes by class, smallest first.
    free: HashMap<&'a str, Vec<&'a Volume>>,
}

/// Volumes by what a claim asks for, so that judging a claim doesn't go through all of them.
#[derive(Debug)]
pub(crate) struct VolumeIndex<'a> {
    /// Volumes without and with a claim, by name.
    unclaimed: Vec<&'a Volume>,
    claimed: Vec<&'a Volume>,
    /// The groups with the fewest access modes first.
    groups: Vec<(AccessModes, Group<'a>)>,
}

impl<'a> VolumeIndex<'a> {
    pub(crate) fn new(volumes: &'a [Arc<Volume>]) -> Self {
        let mut groups: BTreeMap<AccessModes, Group<'a>> = BTreeMap::new();
        for volume in volumes {
            let group = groups.entry(AccessModes::of(&volume.spec.access_modes)).or_default();
            match &volume.spec.claim_ref {
                Some(claim) => group.reserved.entry((&claim.namespace, &claim.name)).or_default().push(volume),
                None if volume.status.phase == "Available" => {
                    group.free.entry(volume.class()).or_default().push(volume);
                }
                None => {}
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(modes, _)| modes.0.count_ones());
        for volumes in groups.iter_mut().flat_map(|(_, group)| group.free.values_mut()) {
            volumes.sort_by(|a, b| size(a).cmp(&size(b)));
        }
        let (claimed, unclaimed) =
            volumes.iter().map(Arc::as_ref).partition(|volume: &&Volume| volume.spec.claim_ref.is_some());
        Self { unclaimed, claimed, groups }
    }

    /// The volume that the controller binds the claim to. `delayed` says that the class waits for a consumer: then only
    /// a volume that is reserved for the claim is taken. Upstream goes through equals in no order; here the first by
    /// name is taken.
    pub(crate) fn best(&self, claim: &Claim, class: &str, delayed: bool) -> Option<&'a Volume> {
        let mut groups = self.groups.iter().filter(|(modes, _)| modes.contain_all(&claim.spec.access_modes));
        groups.find_map(|(_, group)| group.best(claim, class, delayed))
    }

    /// Whether any volume has the access modes that the claim asks for.
    pub(crate) fn any_with_modes(&self, claim: &Claim) -> bool {
        self.groups.iter().any(|(modes, _)| modes.contain_all(&claim.spec.access_modes))
    }

    /// The free volumes that fit a claim whose class waits for a consumer, in no order: those that the scheduler can take
    /// for it on their nodes.
    pub(crate) fn free<'s>(&'s self, claim: &'s Claim, class: &'s str) -> impl Iterator<Item = &'a Volume> + 's {
        let groups = self.groups.iter().filter(|(modes, _)| modes.contain_all(&claim.spec.access_modes));
        groups.flat_map(move |(_, group)| group.fitting(claim, class))
    }

    /// Whether a volume is bound to or reserved for a claim of this namespace and name.
    pub(crate) fn reserves(&self, claim: &Claim) -> bool {
        let key = (claim.metadata.namespace.as_str(), claim.metadata.name.as_str());
        self.groups.iter().any(|(_, group)| group.reserved.contains_key(&key))
    }

    /// Why volumes aren't for this claim, and how many were left out: those without a claim or with a claim of this name
    /// first, by how many checks they fail, then others' by name. Others' are neither ranked nor all looked at.
    pub(crate) fn mismatches(&self, claim: &Claim, class: &str, delayed: bool) -> (Vec<VolumeMismatch>, usize) {
        let key = (claim.metadata.namespace.as_str(), claim.metadata.name.as_str());
        let named = self.groups.iter().filter_map(|(_, group)| group.reserved.get(&key)).flatten();
        let mut near: Vec<&Volume> = self.unclaimed.iter().chain(named).copied().collect();
        near.sort_by_cached_key(|volume| (failed(volume, claim, class, delayed).count(), &volume.metadata.name));
        let others = self.claimed.iter().copied().filter(|volume| {
            let reference = volume.spec.claim_ref.as_ref();
            reference.is_none_or(|reference| (reference.namespace.as_str(), reference.name.as_str()) != key)
        });
        let listed = near.into_iter().chain(others).take(MAX_LISTED).map(|volume| VolumeMismatch {
            name: volume.metadata.name.clone(),
            mismatch: failed(volume, claim, class, delayed)
                .filter_map(|check| check.mismatch(volume, claim, class))
                .collect(),
        });
        let listed: Vec<VolumeMismatch> = listed.collect();
        let left_out = self.unclaimed.len() + self.claimed.len() - listed.len();
        (listed, left_out)
    }
}

impl<'a> Group<'a> {
    fn best(&self, claim: &Claim, class: &str, delayed: bool) -> Option<&'a Volume> {
        let key = (claim.metadata.namespace.as_str(), claim.metadata.name.as_str());
        let mut reserved = self.reserved.get(&key).into_iter().flatten();
        if let Some(volume) = reserved.find(|volume| bound_to(volume, claim) && shape_fits(volume, claim)) {
            return Some(volume);
        }
        if delayed {
            return None;
        }
        self.fitting(claim, class).next()
    }

    /// The free volumes of the class that fit the claim, smallest first.
    fn fitting<'s>(&'s self, claim: &'s Claim, class: &str) -> impl Iterator<Item = &'a Volume> + use<'s, 'a> {
        let volumes = self.free.get(class).map_or(&[][..], Vec::as_slice);
        let start = volumes.partition_point(|volume| size(volume) < requested(claim));
        let fits = |volume: &&Volume| shape_fits(volume, claim) && selector_fits(volume, claim);
        volumes[start..].iter().copied().filter(fits)
    }
}

/// The capacity; none counts as zero.
fn size(volume: &Volume) -> Option<&Quantity> {
    volume.capacity().filter(|capacity| !capacity.is_zero())
}

/// The requested storage; none counts as zero.
fn requested(claim: &Claim) -> Option<&Quantity> {
    claim.request().filter(|request| !request.is_zero())
}

/// Whether the volume is bound or reserved for this claim: `claimRef` names it, and has its uid or none.
pub(crate) fn bound_to(volume: &Volume, claim: &Claim) -> bool {
    volume.spec.claim_ref.as_ref().is_some_and(|reference| {
        reference.name == claim.metadata.name
            && reference.namespace == claim.metadata.namespace
            && (reference.uid.is_empty() || reference.uid == claim.metadata.uid)
    })
}

fn too_small(volume: &Volume, claim: &Claim) -> bool {
    size(volume) < requested(claim)
}

fn attributes_class(name: Option<&String>) -> &str {
    name.map_or("", String::as_str)
}

fn other_attributes_class(volume: &Volume, claim: &Claim) -> bool {
    attributes_class(volume.spec.volume_attributes_class_name.as_ref())
        != attributes_class(claim.spec.volume_attributes_class_name.as_ref())
}

/// What even a reserved volume must have.
fn shape_fits(volume: &Volume, claim: &Claim) -> bool {
    !too_small(volume, claim)
        && volume.volume_mode() == claim.volume_mode()
        && !other_attributes_class(volume, claim)
        && !volume.metadata.deleting()
}

fn selector_fits(volume: &Volume, claim: &Claim) -> bool {
    claim.spec.selector.as_ref().is_none_or(|selector| selector.matches(&volume.metadata.labels))
}

/// A check that a volume fails.
#[derive(Clone, Copy, Debug)]
enum Check {
    AccessModes,
    ClaimRef,
    Capacity,
    VolumeMode,
    AttributesClass,
    Deletion,
    Phase,
    Selector,
    Class,
    Consumer,
}

/// The checks that keep a volume from a claim, in upstream's order. A reserved volume skips phase, selector and class.
/// For a claim that waits for a consumer, a free volume that passes all checks is left to the scheduler.
fn failed(volume: &Volume, claim: &Claim, class: &str, delayed: bool) -> impl Iterator<Item = Check> + use<> {
    let mine = bound_to(volume, claim);
    let checks = [
        (Check::AccessModes, !AccessModes::of(&volume.spec.access_modes).contain_all(&claim.spec.access_modes)),
        (Check::ClaimRef, volume.spec.claim_ref.is_some() && !mine),
        (Check::Capacity, too_small(volume, claim)),
        (Check::VolumeMode, volume.volume_mode() != claim.volume_mode()),
        (Check::AttributesClass, other_attributes_class(volume, claim)),
        (Check::Deletion, volume.metadata.deleting()),
        (Check::Phase, !mine && volume.status.phase != "Available"),
        (Check::Selector, !mine && !selector_fits(volume, claim)),
        (Check::Class, !mine && volume.class() != class),
    ];
    let left_to_scheduler = delayed && !mine && !checks.iter().any(|(_, failed)| *failed);
    let waits = left_to_scheduler.then_some(Check::Consumer);
    checks.into_iter().filter(|(_, failed)| *failed).map(|(check, _)| check).chain(waits)
}

impl Check {
    fn mismatch(self, volume: &Volume, claim: &Claim, class: &str) -> Option<Mismatch> {
        Some(match self {
            Check::AccessModes => access_modes(volume, claim),
            Check::ClaimRef => return Mismatch::owner(volume, claim),
            Check::Capacity => Mismatch::capacity(volume, claim),
            Check::VolumeMode => Mismatch::volume_mode(volume, claim),
            Check::AttributesClass => Mismatch::attributes_class(volume, claim),
            Check::Deletion => Mismatch::deletion(volume),
            Check::Phase => Mismatch::phase(volume),
            Check::Selector => Mismatch::selector(volume, claim),
            Check::Class => Mismatch::class(volume, class),
            Check::Consumer => Mismatch::LeftToScheduler,
        })
    }
}

/// The modes that the claim asks for and the volume doesn't have.
pub(crate) fn access_modes(volume: &Volume, claim: &Claim) -> Mismatch {
    let modes = AccessModes::of(&volume.spec.access_modes);
    let lacking = claim.spec.access_modes.iter().filter(|mode| !modes.contain_all(std::slice::from_ref(mode)));
    Mismatch::AccessModes { lacking: lacking.cloned().collect(), present: volume.spec.access_modes.clone() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixture::{claim, claim_of, class, snapshot, volume, waiting_class};
    use super::super::{ClaimVerdict, VolumeController};
    use crate::model::Kind;

    fn judge(objects: &[(Kind, serde_json::Value)]) -> ClaimVerdict {
        let snapshot = snapshot(objects);
        VolumeController::new(&snapshot).judge_with_volumes(&claim_of(&snapshot, "c"))
    }

    fn binds_to(objects: &[(Kind, serde_json::Value)]) -> Option<String> {
        let mut reversed = objects.to_vec();
        reversed.reverse();
        let verdict = judge(objects);
        assert_eq!(judge(&reversed), verdict, "the order of objects doesn't matter");
        verdict.binds_to
    }

    #[test]
    fn the_smallest_that_is_large_enough_wins() {
        let size = |name, size: &str| volume(name, json!({ "spec": { "capacity": { "storage": size } } }));
        let objects = [
            class("disk", json!({})),
            claim("c", json!({})),
            size("a", "9Gi"),
            size("b", "20Gi"),
            size("d", "11Gi"),
            size("e", "10737418240"),
        ];
        assert_eq!(binds_to(&objects).as_deref(), Some("e"), "equal is enough");
        assert_eq!(binds_to(&objects[..5]).as_deref(), Some("d"));
        assert_eq!(binds_to(&objects[..3]), None);
    }

    #[test]
    fn exact_access_modes_go_before_size() {
        let wide = json!({ "spec": { "accessModes": ["ReadWriteMany", "ReadWriteOnce"] } });
        let large = json!({ "spec": { "capacity": { "storage": "99Gi" } } });
        let objects = [class("disk", json!({})), claim("c", json!({})), volume("wide", wide), volume("large", large)];
        assert_eq!(binds_to(&objects).as_deref(), Some("large"));
        assert_eq!(binds_to(&objects[..3]).as_deref(), Some("wide"), "more modes than asked for still match");
    }

    #[test]
    fn a_volume_reserved_for_the_claim_wins_over_a_smaller_free_one_of_the_same_modes_only() {
        let reserved = json!({ "spec": {
            "capacity": { "storage": "50Gi" }, "storageClassName": "other",
            "claimRef": { "namespace": "app", "name": "c" }
        } });
        let mut reserved_elsewhere = reserved.clone();
        reserved_elsewhere["spec"]["accessModes"] = json!(["ReadWriteOnce", "ReadOnlyMany"]);
        let objects = |reserved| {
            [class("disk", json!({})), claim("c", json!({})), volume("free", json!({})), volume("reserved", reserved)]
        };
        assert_eq!(binds_to(&objects(reserved)).as_deref(), Some("reserved"));
        assert_eq!(binds_to(&objects(reserved_elsewhere)).as_deref(), Some("free"), "an earlier set of modes decides");
    }

    #[test]
    fn immediate_binding_looks_at_no_topology() {
        let term = json!([{ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["nowhere"] }] }]);
        let nowhere = json!({ "spec": { "nodeAffinity": { "required": { "nodeSelectorTerms": term } } } });
        let objects = [class("disk", json!({})), claim("c", json!({})), volume("v", nowhere)];
        assert_eq!(binds_to(&objects).as_deref(), Some("v"));
    }

    #[test]
    fn a_waiting_class_takes_only_a_volume_that_is_reserved_for_the_claim() {
        let reserved = |uid: &str| {
            let reference = json!({ "namespace": "app", "name": "c", "uid": uid });
            volume("reserved", json!({ "spec": { "claimRef": reference, "storageClassName": "other" } }))
        };
        let objects = |last| [waiting_class("disk"), claim("c", json!({})), volume("free", json!({})), last];
        assert_eq!(binds_to(&objects(reserved(""))).as_deref(), Some("reserved"));
        assert_eq!(binds_to(&objects(reserved("uid-c"))).as_deref(), Some("reserved"));
        assert_eq!(binds_to(&objects(reserved("another"))), None);
    }

    #[test]
    fn each_check_names_what_differs_in_upstream_order() {
        for (special, expected) in [
            (json!({ "spec": { "accessModes": ["ReadOnlyMany"] } }), vec!["accessModes lack ReadWriteOnce"]),
            (
                json!({ "spec": { "claimRef": { "namespace": "x", "name": "y" } }, "status": { "phase": "Bound" } }),
                vec!["claimRef belongs to x/y", "phase Bound"],
            ),
            (
                json!({ "spec": { "claimRef": { "namespace": "app", "name": "c", "uid": "old" } },
                        "status": { "phase": "Released" } }),
                vec!["claimRef belongs to an earlier app/c (uid old)", "phase Released"],
            ),
            (json!({ "spec": { "capacity": { "storage": "5Gi" } } }), vec!["capacity 5Gi < 10Gi"]),
            (json!({ "spec": { "capacity": null } }), vec!["capacity 0 < 10Gi"]),
            (json!({ "spec": { "volumeMode": "Block" } }), vec!["volumeMode Block ≠ Filesystem"]),
            (
                json!({ "spec": { "volumeAttributesClassName": "gold" } }),
                vec![r#"volumeAttributesClassName "gold" ≠ """#],
            ),
            (json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }), vec!["being deleted"]),
            (json!({ "status": { "phase": "Failed" } }), vec!["phase Failed"]),
            (json!({ "status": null }), vec!["phase Pending"]),
            (
                json!({ "metadata": { "labels": { "tier": "b" } } }),
                vec!["labels don't match the claim's selector: tier=a, and it is b"],
            ),
            (
                json!({ "metadata": { "labels": null } }),
                vec!["labels don't match the claim's selector: tier=a, and there is no such label"],
            ),
            (json!({ "spec": { "storageClassName": "x" } }), vec![r#"class "x" ≠ "disk""#]),
            (
                json!({ "spec": { "storageClassName": "x", "volumeMode": "Block", "capacity": { "storage": "1" } } }),
                vec!["capacity 1 < 10Gi", "volumeMode Block ≠ Filesystem", r#"class "x" ≠ "disk""#],
            ),
            (
                json!({ "spec": { "claimRef": { "namespace": "app", "name": "c" }, "capacity": { "storage": "1" },
                                  "storageClassName": "x" } }),
                vec!["capacity 1 < 10Gi"],
            ),
        ] {
            let selector = json!({ "spec": { "selector": { "matchLabels": { "tier": "a" } } } });
            let mut object = volume("v", json!({ "metadata": { "labels": { "tier": "a" } } }));
            object.1 = super::super::fixture::merged(object.1, special);
            let verdict = judge(&[class("disk", json!({})), claim("c", selector), object]);
            assert_eq!(verdict.volumes.len(), 1, "{verdict:?}");
            let told: Vec<String> = verdict.volumes[0].mismatch.iter().map(ToString::to_string).collect();
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn free_volumes_of_a_waiting_class_are_left_to_the_scheduler() {
        let small = json!({ "spec": { "capacity": { "storage": "1Gi" } } });
        let verdict =
            judge(&[waiting_class("disk"), claim("c", json!({})), volume("v", json!({})), volume("w", small)]);
        let listed: Vec<_> = verdict.volumes.iter().map(|v| format!("{}: {}", v.name, v.mismatch[0])).collect();
        let expected = ["v: left to the scheduler: the class waits for the first consumer", "w: capacity 1Gi < 10Gi"];
        assert_eq!(listed, expected);
    }

    #[test]
    fn the_nearest_volumes_are_listed_and_the_rest_counted() {
        let mut objects = vec![class("disk", json!({})), claim("c", json!({}))];
        for number in 0..250 {
            let taken = json!({ "spec": { "claimRef": { "namespace": "x", "name": "y" } } });
            objects.push(volume(&format!("taken-{number}"), taken));
        }
        let far = json!({ "spec": { "volumeMode": "Block", "capacity": { "storage": "1Gi" } } });
        objects.push(volume("z-far", far));
        objects.push(volume("z-near", json!({ "spec": { "capacity": { "storage": "1Gi" } } })));
        let verdict = judge(&objects);
        assert_eq!((verdict.volumes.len(), verdict.volumes_left_out), (200, 52));
        assert_eq!([&verdict.volumes[0].name, &verdict.volumes[1].name], ["z-near", "z-far"]);
    }
}
