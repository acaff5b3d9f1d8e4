use std::collections::BTreeMap;

use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::{capital, either, named, names};
use crate::model::{Kind, ObjectRef};
use crate::volumes::Decision;

super::declare_rule! {
    static RULE = {
        name: "class-not-found",
        summary: "Claims name a storage class that doesn't exist.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass],
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut by_class: BTreeMap<&str, Vec<&ClaimCase<'_>>> = BTreeMap::new();
    for case in &cx.claims {
        if let Decision::ClassMissing { class } = &case.verdict.decision {
            by_class.entry(class).or_default().push(case);
        }
    }
    for (class, cases) in by_class {
        out.add(finding(cx, class, &cases));
    }
}

fn finding(cx: &Context<'_>, class: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let claims: Vec<&str> = cases.iter().map(|case| case.claim.metadata.name.as_str()).collect();
    let title = format!(
        "{} {} storage class {class}, which does not exist",
        capital(&named("claim", &claims)),
        either(claims.len(), "names", "name")
    );
    let lead = cases[0].claim;
    let mut finding = Finding::new(RULE.name, Severity::Error, ObjectRef::new(Kind::StorageClass, "", class), title)
        .evidence(claim_ref(lead), "spec.storageClassName", class, "no storage class has this name");
    let existing: Vec<&str> = cx.snapshot.classes.seen().iter().map(|class| class.metadata.name.as_str()).collect();
    let nearest = nearest(class, &existing);
    let listing = match existing.as_slice() {
        [] => "no storage class exists at all".to_owned(),
        existing => format!("the classes that exist: {}", names(existing)),
    };
    finding = finding.evidence(ObjectRef::new(Kind::StorageClass, "", class), "", "not found", listing);
    for case in cases {
        finding = finding.explains(claim_ref(case.claim));
        finding = finding.explains_all(cx.held_by(case.claim).into_iter().map(pod_ref));
    }
    finding.with_remedies(nearest.map(|nearest| alias(cx, class, nearest))).remedy(Remedy::untried(
        "Name a class that exists",
        Risk::Medium,
        vec![Step::told(format!(
            "Delete {} and create {} again with a class that exists: a claim's class can't be changed",
            named("claim", &claims),
            either(claims.len(), "it", "them"),
        ))],
        "which class is meant is not known",
    ))
}

/// A class of the missing name that does what the one with the most similar name does.
fn alias(cx: &Context<'_>, class: &str, nearest: &str) -> Remedy {
    let mut object = cx.snapshot.to_json(Kind::StorageClass, "", nearest).unwrap_or_default();
    object["apiVersion"] = "storage.k8s.io/v1".into();
    object["kind"] = "StorageClass".into();
    object["metadata"] = serde_json::json!({"name": class});
    let what = format!("Create storage class {class} as a copy of {nearest}, the class with the most similar name");
    let change = Change::Create { kind: Kind::StorageClass, object };
    Remedy::new(format!("Create the class, like {nearest}"), Risk::Low, vec![cx.step(what, change)])
}

/// The most similar name, where one is similar at all.
fn nearest<'a>(name: &str, existing: &[&'a str]) -> Option<&'a str> {
    let best = existing.iter().map(|other| (distance(name, other), *other)).min()?;
    (best.0 <= name.chars().count().max(3) / 3).then_some(best.1)
}

/// The edit distance between two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let cost = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_found_and_others_not() {
        assert_eq!(nearest("topolvm-provisoner", &["standard", "topolvm-provisioner"]), Some("topolvm-provisioner"));
        assert_eq!(nearest("gp3", &["standard", "premium-rwo"]), None);
        assert_eq!(nearest("gp3", &["gp2", "standard"]), Some("gp2"));
        assert_eq!(nearest("x", &[]), None);
    }
}
