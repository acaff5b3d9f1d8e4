//! The story as it happened, to its end.

use super::manifests::Vault;
use super::report::{Finding, Remedy, Report};
use super::scene::{BY_EXTENDER, Scene};

/// The first cause of the story: the injected resource and who injects it, and the repair in its order.
fn assert_told(report: &Report, vault: Vault) {
    assert_eq!(report.code, 1);
    let cause = report.first();
    assert!(["extender-not-wired", "unserved-injected-resource"].contains(&cause.rule()), "{}", cause.rule());
    for word in ["topolvm.io/capacity", "pod-hook.topolvm.io"] {
        assert!(cause.title().contains(word), "{word}: {}", cause.title());
    }
    assert_eq!(report.errors(), [cause.rule()], "one cause, and no symptoms beside it");
    let words = cause.words();
    for word in ["topolvm-hook", "Helm release topolvm", "topolvm-system"] {
        assert!(format!("{words}{}", cause.0).contains(word), "{word}: {words}");
    }
    for pod in ["vault-0", "vault-1", "vault-2"] {
        assert!(cause.explains("Pod").contains(&pod), "{pod} is a victim: {}", cause.0);
    }
    assert_repair(cause, vault);
}

/// Values first, then the pods that exist.
fn assert_repair(cause: Finding<'_>, vault: Vault) {
    let commands = cause.remedy(0).commands();
    let [values, pods] = commands.as_slice() else { panic!("two commands: {commands:?}") };
    assert!(values.starts_with("helm upgrade topolvm "), "{values}");
    for value in [
        "scheduler.enabled=false",
        "controller.storageCapacityTracking.enabled=true",
        "webhook.podMutatingWebhook.enabled=false",
    ] {
        assert!(values.contains(value), "{value}: {values}");
    }
    assert_eq!(*pods, format!("kubectl delete pod {} -n vault", vault.pods().join(" ")));
}

/// The trial goes on to the pods that come after the first one is placed.
fn assert_leads_to_anti_affinity(repair: Remedy<'_>) {
    assert_eq!(repair.trial(), "next-blocker", "{}", repair.0);
    for words in ["pod vault-0 is placed; then vault-1 and vault-2 stay back", "must not share a node", "worker-1"] {
        assert!(repair.then().contains(words), "{words}: {}", repair.then());
    }
}

#[test]
fn parallel_pods_are_victims_of_one_cause_and_then_of_their_anti_affinity() {
    let Some(mut scene) = Scene::with_vault(BY_EXTENDER, Vault::PARALLEL) else { return };
    let report = scene.diagnose();
    assert_told(&report, Vault::PARALLEL);
    let repair = report.first().remedy(0);
    assert_leads_to_anti_affinity(repair);

    scene.carry_out(&repair.commands());
    scene.wait_until_placed("vault-0");
    scene.rejudge();
    let report = scene.diagnose();
    assert!(report.find_pod("vault-0").is_none(), "vault-0 is placed");
    assert_waits_for_ever(&report);
}

/// What people took for the order of the StatefulSet is the anti-affinity on the only open node.
fn assert_waits_for_ever(report: &Report) {
    assert_eq!(report.code, 1);
    let cause = report.first();
    assert_eq!(cause.rule(), "anti-affinity-exhausts-nodes");
    let words = cause.words();
    for word in ["worker-1", "waiting for vault-0 does not help", "the order of the set is not the reason"] {
        assert!(words.contains(word), "{word}: {words}");
    }
    assert_eq!(cause.explains("Pod"), ["vault-1", "vault-2"]);
    assert_eq!(report.errors(), [cause.rule()]);
}

#[test]
fn ordered_pods_that_do_not_exist_wait_for_the_first_and_are_no_faults() {
    let Some(mut scene) = Scene::with_vault(BY_EXTENDER, Vault::ORDERED) else { return };
    let report = scene.diagnose();
    assert_told(&report, Vault::ORDERED);
    assert!(report.first().words().contains("do not exist yet"), "{}", report.first().words());
    let repair = report.first().remedy(0);
    assert_leads_to_anti_affinity(repair);

    scene.carry_out(&repair.commands());
    scene.wait_until_placed("vault-0");
    let report = scene.diagnose();
    assert_eq!((report.code, report.errors()), (0, Vec::new()), "{:#}", report.value);
    let order = report.first();
    assert_eq!(order.rule(), "ordered-pods-wait");
    assert_eq!(order.explains("Pod"), ["vault-1", "vault-2"]);
    for word in ["once vault-0 is ready", "OrderedReady", "sealed"] {
        assert!(order.words().contains(word), "{word}: {}", order.words());
    }
}
