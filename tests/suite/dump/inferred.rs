//! What a dump that kubectl wrote tells of its time and release.

use storagewhy::diagnosis::{Options, ReleaseSource, Scope, Severity};
use storagewhy::engine::{Diagnosis, diagnose};

use super::support::{list, read_text};

const DRIVER: &str =
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"CSIDriver","metadata":{"name":"disk.csi.example.com"}}"#;
const CLASS: &str = r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"fast"},
    "provisioner":"disk.csi.example.com","volumeBindingMode":"Immediate"}"#;
/// Shows that the list is of all namespaces.
const ELSEWHERE: &str = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"b"}}"#;

fn claim(created: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{{"name":"c","namespace":"a","creationTimestamp":"{created}"}},
            "spec":{{"storageClassName":"fast","resources":{{"requests":{{"storage":"1Gi"}}}}}},"status":{{"phase":"Pending"}}}}"#
    )
}

fn pod(message: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p","namespace":"a"}},
            "spec":{{"volumes":[{{"name":"v","persistentVolumeClaim":{{"claimName":"c"}}}}]}},
            "status":{{"conditions":[{{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"{message}"}}]}}}}"#
    )
}

fn node(kubelet: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n"}},"status":{{"nodeInfo":{{"kubeletVersion":"{kubelet}"}}}}}}"#
    )
}

fn lease(renewed: &str) -> String {
    format!(
        r#"{{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"n","namespace":"kube-node-lease"}},
            "spec":{{"renewTime":"{renewed}"}}}}"#
    )
}

fn judge(objects: &[String]) -> Diagnosis {
    let beside = [DRIVER, CLASS, ELSEWHERE].map(str::to_owned);
    let objects: Vec<String> = objects.iter().cloned().chain(beside).collect();
    let empty =
        ["PersistentVolumeList", "PodList"].map(|kind| format!(r#"{{"apiVersion":"v1","kind":"{kind}","items":[]}}"#));
    let snapshot = read_text("dump.json", &format!("{}\n{}", list(&objects), empty.join("\n")));
    diagnose(&snapshot, &Scope::default(), &Options::default())
}

fn severity(diagnosis: &Diagnosis, rule: &str) -> Option<Severity> {
    diagnosis.findings.iter().find(|finding| finding.rule == rule).map(|finding| finding.severity)
}

#[test]
fn a_claim_is_overdue_by_the_newest_time_in_the_dump() {
    let waits = |objects: &[String]| severity(&judge(objects), "waiting-for-provisioner");
    let (old, new) = ("2026-01-02T03:00:00Z", "2026-01-02T05:00:00Z");
    assert_eq!(waits(&[claim(old), lease("2026-01-02T05:00:00.123456Z")]), Some(Severity::Error));
    assert_eq!(waits(&[claim(old), claim(new).replace("\"c\"", "\"d\"")]), Some(Severity::Error));
    assert_eq!(waits(&[claim("2026-01-02T04:59:50Z"), lease(new)]), Some(Severity::Info), "ten seconds");
    assert_eq!(judge(&[claim(old), lease(new)]).now, new.parse().ok());
}

#[test]
fn a_claim_is_fresh_only_where_something_shows_that_the_dump_is_of_that_time() {
    let unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
    let now = "2026-01-02T05:00:00Z";
    let objects = [claim(now), pod(unbound), node("v1.36.1")];
    let shown = [&objects[..], &[lease(now)]].concat();
    assert_eq!(severity(&judge(&shown), "waiting-for-provisioner"), Some(Severity::Info));
    assert!(!judge(&shown).blocked(), "what it waits for is under way");
    assert_eq!(severity(&judge(&objects), "waiting-for-provisioner"), Some(Severity::Warning), "it may be a week old");
    assert!(judge(&objects).blocked());
}

#[test]
fn a_dump_that_names_no_release_is_dated_by_its_texts_and_its_kubelets() {
    let release = |objects: &[String]| {
        let release = judge(objects).release;
        (release.version.to_string(), release.from)
    };
    let now = "2026-01-02T05:00:00Z";
    assert_eq!(release(&[claim(now), node("v1.24.17")]), ("1.24".to_owned(), ReleaseSource::Kubelets));
    let told = "0/3 nodes are available: 3 pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are \
                available: 3 Preemption is not helpful for scheduling.";
    assert_eq!(release(&[claim(now), pod(told)]), ("1.25".to_owned(), ReleaseSource::SchedulerTexts));
    assert_eq!(release(&[claim(now)]).1, ReleaseSource::Assumed);
}

#[test]
fn the_true_message_of_an_older_scheduler_is_not_out_of_date() {
    let told = "0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nodes are \
                available: 1 Preemption is not helpful for scheduling.";
    let diagnosis = judge(&[claim("2026-01-02T03:00:00Z"), pod(told), node("v1.24.17"), lease("2026-01-02T05:00:00Z")]);
    assert_eq!(diagnosis.pods[0].1.message.as_deref(), Some(told));
    assert_eq!(severity(&diagnosis, "verdict-differs"), None);
}
