use std::collections::HashSet;

use serde_json::json;

use super::held::{Held, claims_named, held};
use super::keep::FACTS;
use crate::diagnosis::by_key::by_key;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Loss, Near};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, NOTHING_WAITS, Remedy, Risk, Step};
use crate::model::{Kind, ObjectRef, VolumeSnapshotClass};

crate::rules::declare_rule! {
    static RULE = {
        name: "data-without-snapshot",
        summary: "No snapshot is kept of claims whose driver can make them.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, PersistentVolume],
        reads: [StatefulSet],
        stage: Risk,
        check: check,
    }
}

/// Claims for which a command is given.
const COMMANDS: usize = 5;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let held = held(cx);
    let of_driver = |one: Held<'_>| one.volume.spec.csi.is_some();
    if !held.iter().any(|one| of_driver(*one)) {
        return;
    }
    let (Some(classes), Some(snapshots)) = (cx.snapshot_classes(), cx.volume_snapshots()) else {
        out.skip(cx.unread_anywhere(&[Kind::VolumeSnapshotClass, Kind::VolumeSnapshot]));
        return;
    };
    let kept: HashSet<(&str, &str)> = snapshots
        .iter()
        .filter(|snapshot| snapshot.status.error.is_none())
        .filter_map(|snapshot| {
            let claim = snapshot.spec.source.persistent_volume_claim_name.as_deref()?;
            Some((snapshot.metadata.namespace.as_str(), claim))
        })
        .collect();
    let without = held.into_iter().filter_map(|one| {
        let driver = one.volume.spec.csi.as_ref()?.driver.as_str();
        let class = class_of(classes.iter().map(|class| &**class), driver)?;
        let claim = &one.claim.metadata;
        (!kept.contains(&(claim.namespace.as_str(), claim.name.as_str())))
            .then_some(((driver, class.metadata.name.as_str()), one))
    });
    for ((driver, class), claims) in by_key(without) {
        out.add(finding(cx, driver, class, &claims));
    }
}

/// The class that snapshots of the driver's volumes are taken with: the default one, or the first by name.
fn class_of<'a>(
    classes: impl Iterator<Item = &'a VolumeSnapshotClass>,
    driver: &str,
) -> Option<&'a VolumeSnapshotClass> {
    let of_driver = classes.filter(|class| class.driver == driver);
    of_driver.min_by_key(|class| (!class.is_default(), class.metadata.name.as_str()))
}

fn finding(cx: &Context<'_>, driver: &str, class: &str, claims: &[Held<'_>]) -> Finding {
    let title = format!("There is no snapshot of {}, though driver {driver} can make them", claims_named(claims));
    let object = ObjectRef::new(Kind::VolumeSnapshotClass, "", class);
    let mut finding =
        RULE.finding(object.clone(), title).evidence(object, "driver", driver, "snapshots of its volumes can be made");
    for one in claims.iter().take(FACTS) {
        let note = "no VolumeSnapshot is of this claim; a copy by other means can't be seen from here";
        finding = finding.evidence(one.claim_ref(), "", "no snapshot", note);
    }
    finding
        .explains_all(claims.iter().map(Held::claim_ref))
        .remedy(take(cx, class, claims))
        .at_risk(Loss::Data, Near::Possible)
        .likely()
}

fn take(cx: &Context<'_>, class: &str, claims: &[Held<'_>]) -> Remedy {
    let snapshot = |one: &Held<'_>| {
        let object = json!({
            "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
            "metadata": { "namespace": one.claim.metadata.namespace, "name": format!("{}-1", one.name()) },
            "spec": {
                "volumeSnapshotClassName": class, "source": { "persistentVolumeClaimName": one.name() },
            },
        });
        let change = Change::Create { kind: Kind::VolumeSnapshot, object, ask: None };
        cx.step(format!("Take a snapshot of claim {}", one.name()), change)
    };
    let mut steps: Vec<Step> = claims.iter().take(COMMANDS).map(snapshot).collect();
    steps.push(Step::told(
        "Have snapshots taken regularly, by a backup tool or a CronJob, and try a restore: a snapshot alone may be of a \
         moment at which the application was writing",
    ));
    Remedy::untried("Keep snapshots", Risk::Low, steps, NOTHING_WAITS)
}
