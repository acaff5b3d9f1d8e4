use std::collections::BTreeMap;

use super::held::{Held, claims_named, data_goes, held};
use super::keep::{FACTS, loss, retain, with_policies};
use super::release::{Remover, removers};
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Near};
use crate::diagnosis::out::Out;
use crate::diagnosis::text::capital;
use crate::model::{Kind, Meta};

crate::rules::declare_rule! {
    static RULE = {
        name: "claims-deleted-with-release",
        summary: "Removing a Helm release or an Argo CD application deletes claims.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, PersistentVolume],
        reads: [StatefulSet, StorageClass, Pod],
        stage: Risk,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut by_remover: BTreeMap<Remover, Vec<Held<'_>>> = BTreeMap::new();
    for one in held(cx).into_iter().filter(|one| one.set.is_none() && !one.claim.metadata.deleting()) {
        for mut remover in removers(cx, Kind::PersistentVolumeClaim, &one.claim.metadata) {
            if remover.guessed && may_be_a_sets(cx, &one.claim.metadata) {
                continue;
            }
            remover.manager.chart = None;
            by_remover.entry(remover).or_default().push(one);
        }
    }
    for (remover, held) in by_remover {
        out.add(finding(cx, &remover, &held));
    }
}

/// Whether a StatefulSet that was not read may have made the claim: its claims have the labels of its pods.
fn may_be_a_sets(cx: &Context<'_>, meta: &Meta) -> bool {
    let numbered = meta.name.rsplit_once('-').is_some_and(|(_, end)| end.chars().all(|c| c.is_ascii_digit()));
    numbered && !cx.snapshot.stateful_sets.covers(&meta.namespace)
}

fn finding(cx: &Context<'_>, remover: &Remover, held: &[Held<'_>]) -> Finding {
    let title = format!("{} deletes {}{}", capital(&remover.event()), claims_named(held), data_goes(held));
    let mut finding = RULE.finding(remover.object(), title);
    finding.id.push_str(&remover.suffix());
    for one in held.iter().take(FACTS) {
        finding.evidence.push(remover.fact(one.claim_ref(), &one.claim.metadata));
    }
    let metas: Vec<&Meta> = held.iter().map(|one| &one.claim.metadata).collect();
    let finding = with_policies(finding, held)
        .explains_all(held.iter().map(Held::claim_ref))
        .with_remedies(retain(cx, held))
        .remedy(remover.exempt(cx, Kind::PersistentVolumeClaim, &metas))
        .at_risk(loss(held), Near::Possible);
    if remover.guessed { finding.likely() } else { finding }
}
