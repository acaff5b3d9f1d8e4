//! What the human report looks like, at 80 and 120 columns; `UPDATE=1` rewrites the files.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read and write the repository's files")]

use std::path::Path;
use std::sync::Arc;

use crate::golden::compare;
use serde_json::json;
use storagewhy::diagnosis::{
    Confidence, Evidence, Explained, Finding, Manager, Options, Release, ReleaseSource, Remedy, Risk, Scope, Severity,
    Step, Trial,
};
use storagewhy::engine::{Diagnosis, diagnose};
use storagewhy::model::{Kind, ObjectRef, Quantity};
use storagewhy::report::human::{self, Screen};
use storagewhy::report::{Report, Status};
use storagewhy::scheduler::{NodeVerdict, Outcome, PodVerdict, Reason, reasons};
use storagewhy::snapshot::{self, Builder, Problem, Snapshot};
use storagewhy::volumes::{
    ClaimEvent, ClaimPhase, ClaimVerdict, Intake, Mismatch, ProvisionProblem, ProvisionerVerdict, VolumeMismatch,
};

fn check(name: &str, snapshot: &Snapshot, scope: &Scope, diagnosis: &Diagnosis, status: Status) {
    let release = Release { from: ReleaseSource::Server, ..Release::default() };
    let diagnosis = Diagnosis { release, ..diagnosis.clone() };
    let report = Report::new(snapshot, scope, &diagnosis);
    assert_eq!(report.status, status, "{name}");
    let command = |line: &str| ["kubectl ", "helm "].iter().any(|program| line.trim().starts_with(program));
    for width in [80, 120] {
        let mut screen = Screen::new(width);
        human::write(&report, &mut screen);
        let text = anstream::adapter::strip_str(&screen.finish()).to_string();
        let long = text.lines().find(|line| line.chars().count() > width && !command(line));
        assert_eq!(long, None, "{name} at {width}");
        compare(&format!("tests/fixtures/report/{name}-{width}.txt"), &text);
    }
}

fn cluster() -> Builder {
    let mut builder = Builder::default();
    builder.server_version = Some("v1.36.2".to_owned());
    for (kind, object) in [
        (Kind::Node, json!({"metadata": {"name": "cp-1"}})),
        (Kind::Node, json!({"metadata": {"name": "worker-1"}})),
        (Kind::StorageClass, json!({"metadata": {"name": "topolvm-provisioner"}, "provisioner": "topolvm.io"})),
        (Kind::PersistentVolumeClaim, json!({"metadata": {"namespace": "vault", "name": "data-vault-0"}})),
        (
            Kind::Pod,
            json!({
                "metadata": {"namespace": "vault", "name": "vault-0"},
                "status": {"conditions": [{
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                    "message": "0/40 nodes are available: 40 Insufficient cpu.",
                    "lastTransitionTime": "2026-03-02T09:14:05Z",
                }]},
            }),
        ),
    ] {
        builder.add(kind, object).expect("a sound object");
    }
    builder
}

fn scope() -> Scope {
    Scope { namespace: Some("vault".to_owned()), ..Scope::default() }
}

fn node(name: String, reason: Reason, resolvable: bool) -> NodeVerdict {
    NodeVerdict { name, plugin: reason.plugin(), reasons: vec![reason], resolvable, fits: Some(false) }
}

fn unschedulable() -> Arc<PodVerdict> {
    let taint = Reason::TaintToleration(reasons::TaintToleration::Untolerated {
        key: "node-role.kubernetes.io/control-plane".to_owned(),
        value: String::new(),
        effect: "NoSchedule".to_owned(),
        named: false,
    });
    let short = Reason::NodeResourcesFit(reasons::NodeResourcesFit::Insufficient {
        resource: "topolvm.io/capacity".to_owned(),
        asked: 1,
        free: 0,
        allocatable: 0,
    });
    let tainted = (1..=37).map(|number| node(format!("cp-{number}"), taint.clone(), false));
    let short = (1..=3).map(|number| node(format!("worker-{number}"), short.clone(), false));
    Arc::new(PodVerdict {
        outcome: Outcome::Unschedulable,
        message: Some(
            "0/40 nodes are available: 3 Insufficient topolvm.io/capacity, 37 node(s) had untolerated taint(s). \
             placed: None,
             preemption: 0/40 nodes are available: 40 Preemption is not helpful for scheduling."
                .to_owned(),
        ),
        error: false,
        pre_filter: None,
        nodes: tainted.chain(short).collect(),
        placed: None,
        preemption: None,
        unknown: Vec::new(),
    })
}

fn object(kind: Kind, name: &str) -> ObjectRef {
    ObjectRef::new(kind, if kind.namespaced() { "vault" } else { "" }, name)
}

fn injected() -> Finding {
    let webhook = object(Kind::MutatingWebhookConfiguration, "topolvm-hook");
    let helm = Manager {
        tool: "Helm",
        name: "topolvm".to_owned(),
        namespace: "topolvm-system".to_owned(),
        chart: Some("topolvm-15.9.0".to_owned()),
    };
    let victims = (0..3).map(|ordinal| Explained::Object(object(Kind::Pod, &format!("vault-{ordinal}"))));
    let claims = (0..30).map(|n| Explained::Object(object(Kind::PersistentVolumeClaim, &format!("data-vault-{n}"))));
    let steps = vec![
        Step {
            what: "Switch the release to storage capacity tracking".to_owned(),
            command: Some(
                "helm upgrade topolvm topolvm/topolvm --namespace topolvm-system --reuse-values --version 15.9.0 \
                 --set scheduler.enabled=false --set controller.storageCapacityTracking.enabled=true \
                 --set webhook.podMutatingWebhook.enabled=false"
                    .to_owned(),
            ),
            ..Step::default()
        },
        Step {
            what: "Have the pods made anew, because their requests can't be changed".to_owned(),
            command: Some("kubectl delete pod --namespace vault vault-0 vault-1 vault-2".to_owned()),
            ..Step::default()
        },
    ];
    let by_hand = vec![Step {
        what: "Delete the webhook".to_owned(),
        command: Some("kubectl delete mutatingwebhookconfiguration topolvm-hook".to_owned()),
        undone_by: Some(helm),
        ..Step::default()
    }];
    Finding {
        id: "unserved-injected-resource/MutatingWebhookConfiguration/topolvm-hook".to_owned(),
        rule: "unserved-injected-resource".into(),
        severity: Severity::Error,
        confidence: Confidence::Certain,
        title: "webhook topolvm-hook makes pods request topolvm.io/capacity, which no node offers".to_owned(),
        object: webhook.clone(),
        evidence: vec![
            Evidence {
                object: object(Kind::Pod, "vault-0"),
                path: "spec.containers[0].resources.requests".to_owned(),
                value: "topolvm.io/capacity: 1".to_owned(),
                note: "the template of StatefulSet vault doesn't ask for it: admission added it".to_owned(),
            },
            Evidence {
                object: webhook,
                path: "webhooks[0].rules".to_owned(),
                value: "CREATE pods".to_owned(),
                note: "it is called for every new pod of the namespace".to_owned(),
            },
        ],
        explains: victims.chain(claims).collect(),
        remedies: vec![
            Remedy {
                title: "use storage capacity tracking in place of the extender".to_owned(),
                risk: Risk::Low,
                steps,
                trial: Trial::Schedules,
                size: None,
                fits: None,
            },
            Remedy {
                title: "take the webhook away".to_owned(),
                risk: Risk::High,
                steps: by_hand,
                trial: Trial::NextBlocker { placed: 0, then: "the old pods keep their request".to_owned() },
                size: None,
                fits: None,
            },
        ],
        unrepaired: None,
        rests_on: Vec::new(),
        passing: false,
        risk: None,
    }
}

fn small(rule: &'static str, severity: Severity, title: &str) -> Finding {
    Finding {
        id: format!("{rule}/PersistentVolumeClaim/vault/data-vault-0"),
        rule: rule.into(),
        severity,
        confidence: Confidence::Likely,
        title: title.to_owned(),
        object: object(Kind::PersistentVolumeClaim, "data-vault-0"),
        evidence: Vec::new(),
        explains: Vec::new(),
        remedies: Vec::new(),
        unrepaired: None,
        rests_on: Vec::new(),
        passing: false,
        risk: None,
    }
}

#[test]
fn a_cause_leads_and_its_victims_are_told_once() {
    let mut cause = injected();
    let under = small("pod-waits", Severity::Error, "pod vault-1 waits for the same");
    cause.explains.push(Explained::Finding(under.id.clone()));
    let findings = vec![
        cause,
        under,
        small("webhook-slow", Severity::Warning, "webhook other-hook may take 30 s for each pod"),
        small("waiting-for-first-consumer", Severity::Info, "claim data-vault-0 waits for its pod, as it should"),
    ];
    let pods = (0..3).map(|n| (object(Kind::Pod, &format!("vault-{n}")), unschedulable(), Vec::new()));
    let diagnosis = Diagnosis { pods: pods.collect(), findings, ..Diagnosis::default() };
    check("blocked", &cluster().build(&snapshot::Scope::All), &scope(), &diagnosis, Status::Blocked);
}

#[test]
fn nothing_blocked_says_what_was_checked() {
    let snapshot = cluster().build(&snapshot::Scope::All);
    check("clear", &snapshot, &scope(), &Diagnosis::default(), Status::Clear);
}

#[test]
fn warnings_lead_where_they_tell_of_all_that_is_blocked() {
    let snapshot = cluster().build(&snapshot::Scope::All);
    let pod = object(Kind::Pod, "vault-0");
    let gated = Arc::new(PodVerdict::new(Outcome::SchedulingGated));
    let warning =
        Finding::new("scheduling-gated", Severity::Warning, pod.clone(), "Pod vault-0 is held back by a gate")
            .evidence(pod.clone(), "spec.schedulingGates", "example.com/gate", "nobody has removed it")
            .explains(pod.clone());
    let mut diagnosis = Diagnosis {
        pods: vec![(pod, gated, vec![warning.id.clone()])],
        findings: vec![warning],
        ..Diagnosis::default()
    };
    check("held", &snapshot, &scope(), &diagnosis, Status::Blocked);
    diagnosis.pods[0].2.clear();
    diagnosis.findings.clear();
    check("held-unexplained", &snapshot, &scope(), &diagnosis, Status::Blocked);
}

#[test]
fn gaps_are_told_with_what_they_cost() {
    let mut builder = cluster();
    builder.cover(Kind::Event, snapshot::Scope::Nothing(Problem::Forbidden));
    builder.cover(Kind::MutatingWebhookConfiguration, snapshot::Scope::Nothing(Problem::Forbidden));
    builder.cover(Kind::VolumeAttributesClass, snapshot::Scope::Nothing(Problem::NotServed));
    let unknown = vec!["nodes (forbidden)".to_owned()];
    let unknown = Arc::new(PodVerdict { unknown, ..PodVerdict::new(Outcome::Unknown) });
    let diagnosis = Diagnosis {
        pods: vec![(object(Kind::Pod, "vault-0"), unknown, Vec::new())],
        skipped: vec![("webhook-blocks-pods".to_owned(), "events are forbidden".to_owned())],
        ..Diagnosis::default()
    };
    check("incomplete", &builder.build(&snapshot::Scope::All), &scope(), &diagnosis, Status::Incomplete);
}

#[test]
fn claims_say_why_no_volume_matches() {
    let event = ClaimEvent {
        kind: "Normal",
        reason: "FailedBinding",
        message: "no persistent volumes available for this claim and no storage class is set".to_owned(),
    };
    let volume =
        |name: &str, mismatch: &[Mismatch]| VolumeMismatch { name: name.to_owned(), mismatch: mismatch.to_vec() };
    let class = Mismatch::Class { present: "slow".to_owned(), asked: "topolvm".to_owned() };
    let size = |text: &str| Quantity::parse(text).unwrap();
    let small = Mismatch::Capacity { present: size("5Gi"), asked: size("10Gi") };
    let modes =
        Mismatch::AccessModes { lacking: vec!["ReadWriteMany".to_owned()], present: vec!["ReadWriteOnce".to_owned()] };
    let verdict = ClaimVerdict {
        event: Some(event),
        volumes: Arc::from([
            volume("pv-a", std::slice::from_ref(&class)),
            volume("pv-b", &[class]),
            volume("pv-c", &[modes, small]),
        ]),
        ..ClaimVerdict::unknown("")
    };
    let verdict = ClaimVerdict { phase: ClaimPhase::Pending, unknown: Vec::new(), ..verdict };
    let claim = object(Kind::PersistentVolumeClaim, "data-vault-0");
    let provisioning = vec![(
        claim.clone(),
        ProvisionerVerdict {
            driver: "topolvm.io".to_owned(),
            csi: true,
            intake: Intake::Takes,
            selected_node: Some("worker-1".to_owned()),
            requisite: Vec::new(),
            preferred: None,
            problem: Some(ProvisionProblem::NoTopologyKey { node: "worker-1".to_owned(), registered: false }),
            report: None,
            failures: Vec::new(),
            unknown: Vec::new(),
        },
    )];
    let diagnosis = Diagnosis { claims: vec![(claim, verdict, Vec::new())], provisioning, ..Diagnosis::default() };
    check("claims", &cluster().build(&snapshot::Scope::All), &scope(), &diagnosis, Status::Blocked);
}

#[test]
fn what_keeps_placed_pods_from_their_volumes_is_told_once() {
    let path = crate::cases::fixtures().join("rules/attachment-stale/fires-next-is-the-provider-id.yaml");
    let snapshot = crate::cases::load(&path);
    let diagnosis = crate::cases::judge(&snapshot);
    check(
        "placed",
        &snapshot,
        &Scope { namespace: Some("app".to_owned()), ..Scope::default() },
        &diagnosis,
        Status::Blocked,
    );
}

#[test]
fn a_pod_on_its_way_is_normal() {
    let path = crate::cases::fixtures().join("rules/volumes-overdue/fires-under-way.yaml");
    let snapshot = crate::cases::load(&path);
    let diagnosis = crate::cases::judge(&snapshot);
    check(
        "starting",
        &snapshot,
        &Scope { namespace: Some("app".to_owned()), ..Scope::default() },
        &diagnosis,
        Status::Clear,
    );
}

/// A diagnosis of so many pods that share one verdict on 1,001 nodes.
fn crowd(pods: usize) -> Diagnosis {
    let node = |number: usize| NodeVerdict {
        name: format!("n{number}"),
        plugin: "NodeName",
        reasons: vec![Reason::NodeName(reasons::NodeName::OtherNode)],
        resolvable: false,
        fits: Some(false),
    };
    let verdict = PodVerdict { nodes: (0..1001).map(node).collect(), ..PodVerdict::new(Outcome::Unschedulable) };
    let verdict = Arc::new(verdict);
    let pod = |number: usize| ObjectRef::new(Kind::Pod, "app", &format!("p{number}"));
    Diagnosis {
        pods: (0..pods).map(|number| (pod(number), Arc::clone(&verdict), Vec::new())).collect(),
        ..Diagnosis::default()
    }
}

#[test]
fn the_nodes_of_pods_with_one_verdict_are_written_once_in_huge_reports() {
    let (snapshot, scope) = (cluster().build(&snapshot::Scope::All), Scope::default());
    for (pods, repeated) in [(3, 1001), (1000, 0)] {
        let diagnosis = crowd(pods);
        let report = Report::new(&snapshot, &scope, &diagnosis);
        let report = serde_json::to_value(&report).expect("a report is JSON");
        let nodes = |pod: usize| report["pods"][pod]["nodes"].as_array().map(Vec::len);
        assert_eq!((nodes(0), nodes(1)), (Some(1001), Some(repeated)), "{pods} pods");
        let expected = if repeated == 0 { json!("app/p0") } else { json!(null) };
        assert_eq!(report["pods"][2]["nodesAs"], expected);
        assert_eq!(report["pods"][0]["nodesAs"], json!(null));
    }
}

/// What the first screen of a report lacks: the cause and the first line of the first command that helps, before the proof.
fn first_screen_lacks(snapshot: &Snapshot, scope: &Scope) -> Option<String> {
    let diagnosis = diagnose(snapshot, scope, &Options::default());
    let first = diagnosis.findings.iter().find(|finding| finding.severity == Severity::Error)?;
    let report = Report::new(snapshot, scope, &diagnosis);
    let mut screen = Screen::new(80);
    human::write(&report, &mut screen);
    let text = anstream::adapter::strip_str(&screen.finish()).to_string();
    let top: Vec<&str> = text.lines().take(24).collect();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !words(&top.join(" ")).contains(&words(&first.title)) {
        return Some(format!("the title: {}", first.title));
    }
    let commands = first.remedies.iter().flat_map(|remedy| &remedy.steps).filter_map(|step| step.command.as_ref());
    let Some(command) = commands.into_iter().find(|command| !command.starts_with("kubectl storagewhy")) else {
        return Some("a command at all".to_owned());
    };
    let command = command.lines().next().unwrap();
    let place = top.iter().position(|line| line.trim() == command.trim());
    let proof = top.iter().position(|line| line.trim() == "Evidence").unwrap_or(top.len());
    if place.is_none_or(|place| place > proof) {
        return Some(format!("the command: {command}"));
    }
    (most_facts(&text) > 6).then(|| "room: more than six facts are shown".to_owned())
}

/// The facts of the finding that shows most of them.
fn most_facts(text: &str) -> usize {
    let proofs = text.split("\n  Evidence\n").skip(1);
    let facts = |proof: &str| {
        let lines = proof.lines().take_while(|line| !line.is_empty());
        lines.filter(|line| line.starts_with("  - ")).count()
    };
    proofs.map(facts).max().unwrap_or_default()
}

#[test]
fn the_first_screen_says_what_is_wrong_and_what_to_run() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rules");
    let folders = std::fs::read_dir(rules).unwrap().map(|entry| entry.unwrap().path());
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/topolvm.json");
    let mut lacking = Vec::new();
    for path in folders.flat_map(|folder| crate::cases::yaml_files(&folder)).chain([example]) {
        let lacks = first_screen_lacks(&crate::cases::load(&path), &Scope::default());
        lacking.extend(lacks.map(|lacks| format!("{}: {lacks}", path.display())));
    }
    assert_eq!(lacking, [""; 0]);
}

/// The same for the clusters with known causes, where there are some.
#[test]
fn the_first_screen_of_known_causes_says_so_as_well() {
    let Ok(folder) = std::env::var("STORAGEWHY_CAUSES") else { return };
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let dumps: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "gz")).collect();
    assert!(!dumps.is_empty());
    for path in dumps {
        let lacks = first_screen_lacks(&crate::cases::load(&path), &Scope::default());
        assert_eq!(lacks, None, "{}", path.display());
    }
}

#[test]
fn whole_error_texts_and_all_facts_are_shown_to_who_wants_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rules/attach-fails");
    let snapshots =
        crate::cases::yaml_files(&path).into_iter().filter(|path| path.to_string_lossy().contains("fires-"));
    let mut raw = 0;
    for path in snapshots {
        let (snapshot, scope) = (crate::cases::load(&path), Scope::default());
        let diagnosis = diagnose(&snapshot, &scope, &Options::default());
        let report = Report::new(&snapshot, &scope, &diagnosis);
        let shown = |all| {
            let mut screen = Screen::new(80);
            screen.show_all(all);
            human::write(&report, &mut screen);
            screen.finish()
        };
        assert!(!shown(false).contains("rpc error"), "{}", path.display());
        assert!(!shown(true).contains("more (-v)"), "{}", path.display());
        raw += usize::from(shown(true).contains("rpc error"));
    }
    assert!(raw > 0);
}
