use std::collections::BTreeMap;

use super::held::of_pod;
use super::release::{Remover, removers};
use crate::diagnosis::command::kept_file;
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::{Finding, Loss, Near};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, NOTHING_WAITS, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, count, either};
use crate::model::{Claim, Kind, ObjectRef, StorageClass};

crate::rules::declare_rule! {
    static RULE = {
        name: "class-deleted-with-release",
        summary: "Removing a Helm release or an Argo CD application deletes a class that claims use.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass],
        reads: [Pod],
        stage: Risk,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut by_class: BTreeMap<&str, Vec<&Claim>> = BTreeMap::new();
    for claim in cx.all_claims.iter().copied().filter(|claim| !of_pod(claim) && !claim.class().is_empty()) {
        by_class.entry(claim.class()).or_default().push(claim);
    }
    for (name, claims) in by_class {
        let Some(class) = cx.snapshot.classes.get("", name).found() else { continue };
        let removers = removers(cx, Kind::StorageClass, &class.metadata);
        if !removers.is_empty() {
            out.add(finding(cx, class, &claims, &removers));
        }
    }
}

fn finding(cx: &Context<'_>, class: &StorageClass, claims: &[&Claim], removers: &[Remover]) -> Finding {
    let name = &class.metadata.name;
    let object = ObjectRef::new(Kind::StorageClass, "", name);
    let events: Vec<String> = removers.iter().map(Remover::event).collect();
    let title = format!(
        "{} deletes StorageClass {name}, which {} {}: {}",
        capital(&events.join(" or ")),
        count(claims.len(), "claim"),
        either(claims.len(), "uses", "use"),
        consequence(class, claims),
    );
    let mut finding = RULE.finding(object.clone(), title);
    finding.evidence.extend(removers.iter().map(|remover| remover.fact(object.clone(), &class.metadata)));
    let exempt = removers.iter().map(|remover| remover.exempt(cx, Kind::StorageClass, &[&class.metadata]));
    let finding = finding
        .explains_all(claims.iter().map(|claim| claim_ref(claim)))
        .with_remedies(copy(cx, name))
        .with_remedies(exempt)
        .at_risk(Loss::Class, Near::Possible);
    if removers.iter().all(|remover| remover.guessed) { finding.likely() } else { finding }
}

/// What ends with the class, and what doesn't.
fn consequence(class: &StorageClass, claims: &[&Claim]) -> String {
    let bound = claims.iter().filter(|claim| claim.fully_bound()).count();
    let none = "claims of the class that have no volume then get none";
    match (bound, class.allow_volume_expansion == Some(true)) {
        (0, _) => none.to_owned(),
        (_, false) => format!("data stays, but {none}"),
        (_, true) => format!("data stays, but claims can't grow, and {none}"),
    }
}

/// A class has no state: the same one made anew serves its claims.
fn copy(cx: &Context<'_>, name: &str) -> Option<Remedy> {
    let keep = Change::Keep { kind: Kind::StorageClass, namespace: String::new(), name: name.to_owned() };
    let file = kept_file(Kind::StorageClass, name)?;
    let steps = vec![
        cx.step(format!("Keep a copy of class {name} now"), keep),
        Step {
            command: Some(format!("kubectl create -f {file}")),
            later: true,
            ..Step::told("Make it anew once it is gone; its claims find it by name")
        },
    ];
    Some(Remedy::untried("Keep a copy of the class, to make it anew", Risk::Low, steps, NOTHING_WAITS))
}
