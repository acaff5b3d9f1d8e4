//! What may look like the story and has another first cause.

use serde_json::json;

use super::manifests::{SYSTEM, Vault};
use super::scene::{BY_EXTENDER, BY_TRACKING, LEFT_OVER, PATIENCE, STOPPED, Scene, condition};
use crate::support::control_plane::wait_for;

/// Vault whose pods may share the worker.
const TOGETHER: Vault = Vault { apart: false, ..Vault::PARALLEL };

#[test]
fn with_tracking_on_the_webhook_is_left_over_and_new_pods_alone_do_not_help() {
    let Some(mut scene) = Scene::with_vault(LEFT_OVER, TOGETHER) else { return };
    let report = scene.diagnose();
    let cause = report.first();
    assert_eq!((report.code, cause.rule()), (1, "unserved-injected-resource"));
    assert!(cause.words().contains("left over"), "{}", cause.words());
    assert!(cause.words().contains("tried: Recreate the pods alone: that alone does not help"), "{}", cause.words());

    scene.tools.kubectl(&["delete", "pod", "vault-0", "vault-1", "vault-2", "-n", "vault"]);
    for pod in TOGETHER.pods() {
        scene.wait_for_pod(pod, |pod| condition(pod, "PodScheduled").is_some());
    }
    scene.rejudge();
    let again = scene.diagnose();
    assert_eq!(again.first().title(), cause.title(), "the webhook added the request again");
    let repair = again.first().remedy(0);
    assert_eq!(repair.trial(), "schedules", "{}", repair.0);
    scene.carry_out(&repair.commands());
    assert_all_run(&scene);
}

fn assert_all_run(scene: &Scene) {
    for pod in TOGETHER.pods() {
        scene.wait_until_placed(pod);
    }
    let report = scene.diagnose();
    assert_eq!((report.code, report.errors()), (0, Vec::new()), "{:#}", report.value);
}

#[test]
fn pods_made_before_the_webhook_went_are_recreated_and_nothing_else() {
    let Some(mut scene) = Scene::with_vault(LEFT_OVER, TOGETHER) else { return };
    scene.upgrade(&["webhook.podMutatingWebhook.enabled=false"]);
    scene.rejudge();
    let report = scene.diagnose();
    let cause = report.first();
    assert_eq!((report.code, cause.rule()), (1, "stale-injected-request"));
    let repair = cause.remedy(0);
    assert_eq!(repair.commands(), ["kubectl delete pod vault-0 vault-1 vault-2 -n vault"]);
    assert_eq!(repair.trial(), "schedules", "{}", repair.0);
    scene.carry_out(&repair.commands());
    assert_all_run(&scene);
}

#[test]
fn without_a_provisioner_no_capacity_is_published() {
    let Some(mut scene) = Scene::with_vault(&[STOPPED], TOGETHER) else { return };
    let report = scene.diagnose();
    let cause = report.first();
    assert_eq!((report.code, cause.rule()), (1, "capacity-not-published"));
    assert!(cause.title().contains("topolvm-controller is scaled to zero"), "{}", cause.title());
    let repair = cause.remedy(0);
    assert_eq!(repair.trial(), "schedules", "{}", repair.0);
    scene.carry_out(&repair.commands());
    assert_all_run(&scene);
}

#[test]
fn too_large_a_claim_is_told_with_the_figures() {
    let Some(mut scene) = Scene::with_vault(BY_TRACKING, Vault { data: "300Gi", ..TOGETHER }) else { return };
    wait_for("capacity is published", PATIENCE, || {
        let published = scene.tools.get(&["csistoragecapacities", "-n", SYSTEM])?;
        published["items"].as_array().filter(|items| !items.is_empty()).map(|_| ())
    });
    scene.rejudge();
    let report = scene.diagnose();
    let cause = report.first();
    assert_eq!((report.code, cause.rule()), (1, "capacity-too-small"));
    let words = cause.words();
    for figure in ["300Gi", "240Gi", "60Gi too little", "worker-1"] {
        assert!(words.contains(figure), "{figure}: {words}");
    }
    assert_eq!(cause.explains("Pod"), TOGETHER.pods(), "told once for all three");
}

#[test]
fn a_webhook_that_is_down_keeps_pods_from_being_made() {
    let Some(mut scene) = Scene::open(BY_EXTENDER) else { return };
    scene.upgrade(&[STOPPED]);
    scene.tools.apply(&[TOGETHER.set()]);
    wait_for("the StatefulSet says that a pod was refused", PATIENCE, || {
        let events = scene.tools.get(&["events", "-n", "vault", "--field-selector=reason=FailedCreate"])?;
        events["items"].as_array().filter(|items| !items.is_empty()).map(|_| ())
    });
    let report = scene.diagnose();
    assert_eq!(report.code, 1);
    let cause = report.first();
    assert_eq!(cause.rule(), "webhook-blocks-pods");
    assert_eq!(cause.explains("Pod"), TOGETHER.pods(), "pods that don't exist");
    for word in ["pod-hook.topolvm.io", "StatefulSet vault", "no ready endpoint"] {
        assert!(cause.title().contains(word), "{word}: {}", cause.title());
    }
    let start = cause.remedy_called("Start what serves the webhook");
    assert_eq!(start.trial(), "next-blocker", "the pods would come with the webhook's request: {}", start.0);
    let off = cause.remedy_called("Switch the webhook off");
    scene.carry_out(&start.commands());
    scene.carry_out(&off.commands());
    assert_all_made(&scene);
}

/// The StatefulSet tries again by itself, later and later.
fn assert_all_made(scene: &Scene) {
    for pod in TOGETHER.pods() {
        scene.wait_for_pod(pod, |_| true);
    }
}

#[test]
fn a_sealed_vault_is_not_blocked() {
    let Some(scene) = Scene::open(BY_TRACKING) else { return };
    scene.tools.apply(&[TOGETHER.set()]);
    for pod in TOGETHER.pods() {
        scene.wait_until_placed(pod);
        let ready = scene.wait_for_pod(pod, |pod| condition(pod, "Ready").is_some());
        assert_eq!(condition(&ready, "Ready").unwrap()["status"], "False");
    }
    let report = scene.diagnose();
    assert_eq!((report.code, report.errors()), (0, Vec::new()), "{:#}", report.value);
    assert_eq!(report.value["pods"], json!([]));
    assert!(report.first().words().contains("sealed"), "{}", report.first().words());
}

#[test]
fn argo_cd_would_undo_what_helm_is_told() {
    let mark =
        r#"annotations.argocd\.argoproj\.io/tracking-id=storage:apps/Deployment:topolvm-system/topolvm-controller"#;
    let Some(scene) = Scene::with_vault(&[BY_EXTENDER, &[mark]].concat(), Vault::PARALLEL) else { return };
    let report = scene.diagnose();
    let step = &report.first().remedy(0).0["steps"][0];
    assert_eq!(step["undoneBy"]["tool"], "Argo CD");
    assert_eq!(step["undoneBy"]["name"], "storage");
    let what = step["what"].as_str().unwrap();
    assert!(what.contains("in the source of Argo CD application storage"), "{what}");
    assert!(report.first().words().contains("Argo CD application storage"), "{}", report.first().words());
}
