//! The incident that started the project, and its variants: each has its own first cause and its own repair.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use crate::cases::{fixtures, judge, load, rules, show};
use storagewhy::diagnosis::{Explained, Finding, Remedy, Severity, Trial};
use storagewhy::engine::Diagnosis;
use storagewhy::model::{Kind, ObjectRef};
use storagewhy::snapshot::Snapshot;

fn story(name: &str) -> (Snapshot, Diagnosis) {
    let snapshot = load(&fixtures().join("story").join(format!("{name}.yaml")));
    let diagnosis = judge(&snapshot);
    (snapshot, diagnosis)
}

fn first(diagnosis: &Diagnosis) -> &Finding {
    diagnosis.findings.first().unwrap_or_else(|| panic!("nothing found"))
}

fn victims(finding: &Finding) -> Vec<String> {
    let objects = finding.explains.iter().filter_map(|explained| match explained {
        Explained::Object(object) => Some(format!("{}/{}", object.kind, object.name)),
        Explained::Finding(_) => None,
    });
    objects.collect()
}

fn commands(remedy: &Remedy) -> Vec<&str> {
    remedy.steps.iter().filter_map(|step| step.command.as_deref()).collect()
}

fn says(finding: &Finding, text: &str) -> bool {
    finding.evidence.iter().any(|e| e.note.contains(text) || e.value.contains(text))
}

const HELM: &str = "helm upgrade topolvm \"${CHART:?set CHART to the chart you installed, e.g. repository/topolvm}\" \
                    -n topolvm-system --reuse-values --set scheduler.enabled=false,\
                    controller.storageCapacityTracking.enabled=true,webhook.podMutatingWebhook.enabled=false";
const RECREATE: [&str; 2] =
    ["kubectl delete pod vault-0 vault-1 vault-2 -n vault", "kubectl delete pod vault-0 -n vault"];
const ORDERS: [&str; 2] = ["parallel", "ordered"];

#[test]
fn the_injected_resource_and_its_webhook_come_first_and_the_values_before_the_pods() {
    for (order, recreate) in ORDERS.iter().zip(RECREATE) {
        let (_, diagnosis) = story(&format!("as-it-happened-{order}"));
        let cause = first(&diagnosis);
        let text = show(&diagnosis.findings);
        assert_eq!(cause.id, "unserved-injected-resource/MutatingWebhookConfiguration/topolvm-hook", "{text}");
        assert!(cause.title.contains("pod-hook.topolvm.io") && cause.title.contains("topolvm.io/capacity"), "{text}");
        assert_eq!(rules(&diagnosis), ["unserved-injected-resource"], "one cause, told once: {text}");
        let expected = ["Pod/vault-0", "Pod/vault-1", "Pod/vault-2"];
        let told = victims(cause);
        assert!(expected.iter().all(|pod| told.contains(&(*pod).to_owned())), "{text}");
        assert!(told.contains(&"PersistentVolumeClaim/data-vault-0".to_owned()), "{text}");
        assert!(says(cause, "Helm release topolvm in namespace topolvm-system"), "{text}");
        assert_eq!(commands(&cause.remedies[0]), [HELM, recreate], "{text}");
    }
}

#[test]
fn the_next_thing_in_the_way_is_the_anti_affinity() {
    for order in ORDERS {
        for story_name in ["as-it-happened", "webhook-left-over", "webhook-gone", "webhook-down"] {
            let (_, diagnosis) = story(&format!("{story_name}-{order}"));
            let cause = first(&diagnosis);
            let Trial::NextBlocker { then: next, .. } = &cause.remedies[0].trial else {
                panic!("{}", show(&diagnosis.findings))
            };
            assert!(next.starts_with("pod vault-0 is placed; then vault-1"), "{story_name}: {next}");
            assert!(next.contains("must not share a node"), "{story_name}: {next}");
        }
    }
}

#[test]
fn recreating_the_pods_alone_does_not_help_while_the_webhook_is_left_over() {
    for order in ORDERS {
        let (_, diagnosis) = story(&format!("webhook-left-over-{order}"));
        let cause = first(&diagnosis);
        let text = show(&diagnosis.findings);
        assert_eq!(cause.rule, "unserved-injected-resource", "{text}");
        assert!(says(cause, "it is left over"), "{text}");
        assert!(says(cause, "tried: Recreate the pods alone") && says(cause, "that alone does not help"), "{text}");
        assert!(cause.remedies.iter().all(|remedy| remedy.title != "Recreate the pods alone"), "{text}");
        assert_eq!(commands(&cause.remedies[0])[0], HELM, "{text}");
    }
}

#[test]
fn old_pods_are_recreated_and_nothing_else_when_the_webhook_is_gone() {
    for (order, recreate) in ORDERS.iter().zip(RECREATE) {
        let (_, diagnosis) = story(&format!("webhook-gone-{order}"));
        let cause = first(&diagnosis);
        let text = show(&diagnosis.findings);
        assert_eq!(cause.id, "stale-injected-request/StatefulSet/vault/vault", "{text}");
        assert_eq!(cause.remedies.len(), 1, "{text}");
        assert_eq!(commands(&cause.remedies[0]), [recreate], "{text}");
    }
}

#[test]
fn a_provisioner_that_was_stopped_is_named_where_nothing_is_published() {
    for order in ORDERS {
        let (_, diagnosis) = story(&format!("nothing-published-{order}"));
        let cause = first(&diagnosis);
        let text = show(&diagnosis.findings);
        assert_eq!(cause.id, "capacity-not-published/Deployment/topolvm-system/topolvm-controller", "{text}");
        assert_eq!(
            commands(&cause.remedies[0]),
            [
                "kubectl patch deployment topolvm-controller -n topolvm-system --type=merge -p '{\"spec\":{\"replicas\":1}}'"
            ],
            "{text}"
        );
        let Trial::NextBlocker { then: next, .. } = &cause.remedies[0].trial else { panic!("{text}") };
        assert!(next.starts_with("pod vault-0 is placed"), "{text}");
    }
}

#[test]
fn what_is_too_small_is_told_with_the_figures() {
    for order in ORDERS {
        let (_, diagnosis) = story(&format!("too-small-{order}"));
        let cause = first(&diagnosis);
        let text = show(&diagnosis.findings);
        assert_eq!(cause.rule, "capacity-too-small", "{text}");
        assert!(cause.title.contains("10Gi") && cause.title.contains("8Gi"), "{text}");
        assert!(says(cause, "2Gi too little"), "{text}");
    }
}

#[test]
fn a_webhook_that_is_down_explains_pods_that_do_not_exist() {
    for order in ORDERS {
        let (_, diagnosis) = story(&format!("webhook-down-{order}"));
        let cause = first(&diagnosis);
        let text = show(&diagnosis.findings);
        assert_eq!(cause.id, "webhook-blocks-pods/MutatingWebhookConfiguration/topolvm-hook", "{text}");
        assert!(diagnosis.pods.is_empty() && diagnosis.blocked(), "{text}");
        assert!(says(cause, "connection refused"), "{text}");
        let told = victims(cause);
        for victim in ["StatefulSet/vault", "Pod/vault-0", "PersistentVolumeClaim/data-vault-0"] {
            assert!(told.contains(&victim.to_owned()), "{victim}: {text}");
        }
        let start = cause.remedies.iter().find(|remedy| remedy.title.starts_with("Start")).unwrap();
        let Trial::NextBlocker { then: next, .. } = &start.trial else { panic!("{text}") };
        assert!(next.contains("topolvm.io/capacity"), "with the webhook up again its request is next: {text}");
    }
}

#[test]
fn nothing_is_blocked_where_vault_is_merely_sealed() {
    for order in ORDERS {
        let (_, diagnosis) = story(&format!("sealed-{order}"));
        let text = show(&diagnosis.findings);
        assert!(!diagnosis.blocked() && !diagnosis.uncertain(), "{text}");
        assert!(diagnosis.findings.iter().all(|finding| finding.severity == Severity::Info), "{text}");
        assert!(diagnosis.findings.iter().any(|finding| says(finding, "sealed")), "{text}");
    }
    let (_, diagnosis) = story("sealed-ordered");
    let waits = diagnosis.findings.iter().find(|finding| finding.rule == "ordered-pods-wait").unwrap();
    assert_eq!(victims(waits), ["Pod/vault-1", "Pod/vault-2"]);
}

#[test]
fn pods_that_exist_are_held_by_anti_affinity_and_not_by_the_order_of_their_set() {
    let (_, diagnosis) = story("one-open-node-parallel");
    let cause = first(&diagnosis);
    let text = show(&diagnosis.findings);
    assert_eq!(cause.id, "anti-affinity-exhausts-nodes/StatefulSet/vault/vault", "{text}");
    assert!(says(cause, "the order of the set is not the reason"), "{text}");
    assert!(says(cause, "waiting for vault-0 does not help"), "{text}");
    assert!(victims(cause).contains(&"Pod/vault-1".to_owned()), "{text}");
    let fewer = cause.remedies.iter().find(|remedy| remedy.title == "Run fewer replicas").unwrap();
    assert_eq!(
        commands(fewer),
        ["kubectl patch statefulset vault -n vault --type=merge -p '{\"spec\":{\"replicas\":1}}'"],
        "{text}"
    );
    assert_eq!(fewer.trial, Trial::Schedules, "{text}");
    let share = cause.remedies.iter().find(|remedy| remedy.title.starts_with("Let the pods share")).unwrap();
    assert_eq!(share.trial, Trial::Schedules, "{text}");
}

#[test]
fn argo_is_told_to_change_its_source_and_helm_is_used_where_there_is_a_release() {
    let (_, diagnosis) = story("as-it-happened-argo");
    let remedy = &first(&diagnosis).remedies[0];
    assert!(remedy.steps[0].what.contains("source of Argo CD application storage"), "{}", remedy.steps[0].what);
    assert_eq!(
        commands(remedy),
        [
            "kubectl get mutatingwebhookconfiguration topolvm-hook -o yaml > mutatingwebhookconfiguration-topolvm-hook.yaml",
            "kubectl delete mutatingwebhookconfiguration topolvm-hook",
            RECREATE[0]
        ],
        "there is no Helm release to upgrade"
    );
    assert_eq!(remedy.steps[2].undone_by.as_ref().map(|manager| manager.tool), Some("Argo CD"));
    let (_, diagnosis) = story("as-it-happened-helm-and-argo");
    let remedy = &first(&diagnosis).remedies[0];
    assert_eq!(commands(remedy)[0], HELM);
    assert_eq!(remedy.steps[0].undone_by.as_ref().map(|manager| manager.tool), Some("Argo CD"));
    assert!(remedy.steps[0].what.contains("Argo CD application storage"));
    let (_, diagnosis) = story("as-it-happened-plain");
    let remedy = &first(&diagnosis).remedies[0];
    assert_eq!(commands(remedy)[1..], ["kubectl delete mutatingwebhookconfiguration topolvm-hook", RECREATE[0]]);
    assert!(remedy.steps.iter().all(|step| step.undone_by.is_none()));
}

#[test]
fn conditions_of_the_story_equal_the_verdicts() {
    for order in ORDERS {
        for name in ["as-it-happened", "webhook-left-over", "webhook-gone", "nothing-published", "too-small"] {
            let (_, diagnosis) = story(&format!("{name}-{order}"));
            assert!(!rules(&diagnosis).contains(&"verdict-differs"), "{name}: {}", show(&diagnosis.findings));
        }
    }
}

#[test]
fn a_diagnosis_of_one_object_names_the_same_cause() {
    let path = fixtures().join("story/as-it-happened-ordered.yaml");
    let snapshot = load(&path);
    let whole = judge(&snapshot);
    for object in [
        ObjectRef::new(Kind::Pod, "vault", "vault-0"),
        ObjectRef::new(Kind::Pod, "vault", "vault-2"),
        ObjectRef::new(Kind::PersistentVolumeClaim, "vault", "data-vault-0"),
        ObjectRef::new(Kind::StatefulSet, "vault", "vault"),
        ObjectRef::new(Kind::StorageClass, "", "topolvm-provisioner"),
    ] {
        let scope = storagewhy::diagnosis::Scope { targets: vec![object.clone()], ..Default::default() };
        let one = storagewhy::engine::diagnose(&snapshot, &scope, &Default::default());
        if object.name != "vault-2" {
            assert_eq!(one.findings.first().map(|f| &f.id), whole.findings.first().map(|f| &f.id), "{object}");
        }
    }
}
