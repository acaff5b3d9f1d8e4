//! What must hold for every input: quantities, selectors, and verdicts that depend on nothing but the state.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use storagewhy::model::quantity;
use storagewhy::model::selector::{LabelSelector, Requirement};
use storagewhy::model::{Claim, Kind, Node, Pod, Quantity, Version};
use storagewhy::scheduler::{PodVerdict, Scheduler, SchedulerConfig, parse};
use storagewhy::snapshot::{Builder, Scope, Snapshot};
use storagewhy::volumes::{ClaimVerdict, VolumeController};

const RECORDINGS: [&str; 4] = ["7001", "7004", "7012", "9001"];

fn recording(seed: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/recorded/case-{seed}.json.gz", env!("CARGO_MANIFEST_DIR"));
    let file = File::open(&path).unwrap();
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn snapshot(objects: &[Value]) -> Snapshot {
    let mut builder = Builder::default();
    for object in objects {
        let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        if let Some(kind) = Kind::from_api(version, kind) {
            builder.add(kind, object.clone()).unwrap();
        }
    }
    builder.build(&Scope::All)
}

type Verdicts = (BTreeMap<String, PodVerdict>, BTreeMap<String, ClaimVerdict>);

/// The verdicts on every pod without a node and on every claim, without what concerns nodes and volumes whose name
/// starts with `added-`.
fn verdicts(objects: &[Value]) -> Verdicts {
    let snapshot = snapshot(objects);
    let scheduler = Scheduler::new(&snapshot, Version::NEWEST, SchedulerConfig::default());
    let controller = VolumeController::new(&snapshot);
    let claims = snapshot.claims.seen().iter().map(|claim| {
        let mut verdict = controller.judge(claim);
        let own = verdict.volumes.iter().filter(|volume| !volume.name.starts_with("added-")).cloned();
        verdict.volumes = own.collect();
        (claim.metadata.name.clone(), verdict)
    });
    (judged(&scheduler, &snapshot), claims.collect())
}

/// Objects that no pod and no claim of a recording has anything to do with.
fn unrelated() -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "added-space"}}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "added-class"},
            "provisioner": "added.example.com", "volumeBindingMode": "WaitForFirstConsumer"}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "added-claim",
            "namespace": "added-space"}, "spec": {"storageClassName": "added-class"}, "status": {"phase": "Pending"}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "added-volume"},
            "spec": {"storageClassName": "added-class", "capacity": {"storage": "1Ti"}}, "status": {"phase": "Available"}}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity", "metadata": {"name": "added-capacity",
            "namespace": "added-space"}, "nodeTopology": {}, "storageClassName": "added-class", "capacity": "9Ti"}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "added-pod", "namespace": "added-space"},
            "spec": {"nodeName": "a-node-that-is-gone", "containers": []}, "status": {"phase": "Succeeded"}}),
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "added", "namespace": "added-space"},
            "spec": {}}),
    ]
}

/// What the scheduler makes of every pod without a node.
fn judged(scheduler: &Scheduler<'_>, snapshot: &Snapshot) -> BTreeMap<String, PodVerdict> {
    let pending = snapshot.pods.seen().iter().filter(|pod| !pod.assigned() && !pod.finished());
    pending.map(|pod| (pod.metadata.name.clone(), (*scheduler.judge(pod)).clone())).collect()
}

/// Changes a snapshot in one of several ways, at a place that `at` chooses.
fn change(state: &mut Snapshot, way: usize, at: usize) {
    let (pod, node, claim) = (state.pods.clone(), state.nodes.clone(), state.claims.clone());
    let (pods, nodes) = (pod.seen(), node.seen());
    if pods.is_empty() || nodes.is_empty() {
        return;
    }
    let (pod, node) = (&pods[at % pods.len()], &nodes[at % nodes.len()]);
    let claim = claim.seen().get(at % claim.seen().len().max(1));
    match way {
        0 => drop(state.pods.remove(&pod.metadata.namespace, &pod.metadata.name)),
        1 => drop(state.nodes.remove("", &node.metadata.name)),
        2 | 3 => {
            let mut moved = Pod::clone(pod);
            moved.spec.node_name = if way == 2 { node.metadata.name.clone() } else { String::new() };
            moved.metadata.name.push_str(if at.is_multiple_of(2) { "-copy" } else { "" });
            state.pods.insert(moved);
        }
        4 => {
            let mut tainted = Node::clone(node);
            tainted.metadata.labels.insert("changed".to_owned(), "yes".to_owned());
            tainted.spec.unschedulable = !tainted.spec.unschedulable;
            state.nodes.insert(tainted);
        }
        5 => {
            if let Some(claim) = claim {
                let mut selected = Claim::clone(claim);
                let annotation = "volume.kubernetes.io/selected-node".to_owned();
                selected.metadata.annotations.insert(annotation, node.metadata.name.clone());
                state.claims.insert(selected);
            }
        }
        _ => {
            let volume = state.volumes.seen().get(at % 7).map(|volume| volume.metadata.clone());
            let capacity = state.capacities.seen().get(at % 5).map(|capacity| capacity.metadata.clone());
            let attachment = state.attachments.seen().get(at % 3).map(|attachment| attachment.metadata.clone());
            volume.map(|meta| state.volumes.remove("", &meta.name));
            capacity.map(|meta| state.capacities.remove(&meta.namespace, &meta.name));
            attachment.map(|meta| state.attachments.remove("", &meta.name));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_state_is_judged_as_if_it_were_read_anew(
        which in 0..RECORDINGS.len(), changes in proptest::collection::vec((0..7usize, any::<usize>()), 1..12),
    ) {
        let before = snapshot(&recording(RECORDINGS[which]));
        let scheduler = Scheduler::new(&before, Version::NEWEST, SchedulerConfig::default());
        let mut state = before.clone();
        for (way, at) in changes {
            change(&mut state, way, at);
        }
        let anew = Scheduler::new(&state, Version::NEWEST, SchedulerConfig::default());
        prop_assert_eq!(judged(&scheduler.after(&state), &state), judged(&anew, &state));
    }

    #[test]
    fn pods_judged_together_are_judged_as_alone(which in 0..RECORDINGS.len()) {
        let state = snapshot(&recording(RECORDINGS[which]));
        let alone = |pod: &Pod| {
            let scheduler = Scheduler::new(&state, Version::NEWEST, SchedulerConfig::default());
            (pod.metadata.name.clone(), (*scheduler.judge(pod)).clone())
        };
        let pending = state.pods.seen().iter().filter(|pod| !pod.assigned() && !pod.finished());
        let alone: BTreeMap<_, _> = pending.map(|pod| alone(pod)).collect();
        let together = Scheduler::new(&state, Version::NEWEST, SchedulerConfig::default());
        prop_assert_eq!(alone, judged(&together, &state));
    }

    #[test]
    fn the_order_of_objects_changes_no_verdict(seed in any::<u64>(), which in 0..RECORDINGS.len()) {
        let objects = recording(RECORDINGS[which]);
        let mut shuffled = objects.clone();
        let mut state = seed;
        for position in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(position, (state >> 33) as usize % (position + 1));
        }
        prop_assert_eq!(verdicts(&objects), verdicts(&shuffled));
    }

    #[test]
    fn an_unrelated_object_changes_no_verdict(which in 0..RECORDINGS.len(), added in 0..7usize) {
        let objects = recording(RECORDINGS[which]);
        let mut more = objects.clone();
        more.push(unrelated()[added].clone());
        let (before, after) = (verdicts(&objects), verdicts(&more));
        prop_assert_eq!(&before.0, &after.0);
        for (name, verdict) in &before.1 {
            prop_assert_eq!(Some(verdict), after.1.get(name));
        }
    }
}

proptest! {
    #[test]
    fn quantities_never_panic(text in "\\PC{0,40}") {
        let _ = Quantity::parse(&text);
    }

    #[test]
    fn whole_quantities_keep_their_value(number in any::<i64>()) {
        prop_assume!(number > i64::MIN);
        prop_assert_eq!(Quantity::parse(&number.to_string()).unwrap().value(), number);
    }

    #[test]
    fn bytes_read_back_as_they_were_written(bytes in 0..i64::MAX) {
        let quantity = Quantity::bytes(bytes);
        prop_assert_eq!(Quantity::parse(&quantity.to_string()).unwrap(), quantity);
    }

    #[test]
    fn a_decimal_fraction_is_exact_to_the_nano(whole in 0..1_000_000u32, nanos in 0..1_000_000_000u32) {
        let quantity = Quantity::parse(&format!("{whole}.{nanos:09}")).unwrap();
        prop_assert_eq!(quantity.nanos(), i128::from(whole) * 1_000_000_000 + i128::from(nanos));
    }

    #[test]
    fn binary_suffixes_multiply(number in 0..1_000_000u32, exponent in 1..4u32) {
        let suffix = ["Ki", "Mi", "Gi"][exponent as usize - 1];
        let quantity = Quantity::parse(&format!("{number}{suffix}")).unwrap();
        prop_assert_eq!(quantity.value(), i64::from(number) << (10 * exponent));
    }

    #[test]
    fn sums_are_exact_and_capped(a in any::<i64>(), b in any::<i64>()) {
        let (a, b) = (i128::from(a) * 1_000_000_000, i128::from(b) * 1_000_000_000);
        let cap = i128::from(i64::MAX) * 1_000_000_000;
        prop_assert_eq!(quantity::sum(a, b), (a + b).clamp(-cap, cap));
    }

    #[test]
    fn values_round_away_from_zero(units in any::<i64>(), nanos in 0..1_000_000_000i128, small in any::<bool>()) {
        let units = if small { units % 100_000 } else { units };
        let nanos = i128::from(units) * 1_000_000_000 + nanos * i128::from(units.signum());
        let rounded = |unit: i128| {
            let value = nanos / unit + (nanos % unit).signum();
            i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
        };
        prop_assert_eq!(quantity::value(nanos), rounded(1_000_000_000));
        prop_assert_eq!(quantity::milli_value(nanos), rounded(1_000_000));
    }

    #[test]
    fn suffixes_multiply_up_to_the_cap(whole in any::<u64>(), shift in 0..64u32, suffix in 0..10usize) {
        let whole = whole >> shift;
        let suffixes = [("", 1, 1), ("n", 1, 1_000_000_000), ("u", 1, 1_000_000), ("m", 1, 1000), ("k", 1000, 1),
            ("M", 1_000_000, 1), ("E", 10i128.pow(18), 1), ("Ki", 1 << 10, 1), ("Gi", 1 << 30, 1), ("Ei", 1 << 60, 1)];
        let (suffix, times, divided) = suffixes[suffix];
        let nanos = (i128::from(whole).saturating_mul(times).saturating_mul(1_000_000_000) / divided).min(i128::from(i64::MAX) * 1_000_000_000);
        prop_assert_eq!(Quantity::parse(&format!("{whole}{suffix}")).unwrap().nanos(), nanos);
        prop_assert_eq!(Quantity::parse(&format!("-{whole}{suffix}")).unwrap().nanos(), -nanos);
    }

    #[test]
    fn in_and_not_in_are_opposites(value in proptest::option::of("[a-c]"), values in proptest::collection::vec("[a-c]", 1..3)) {
        let labels = value.map(|value| ("k".to_owned(), value)).into_iter().collect();
        let one = |operator: &str| LabelSelector {
            match_expressions: vec![Requirement { key: "k".into(), operator: operator.into(), values: values.clone() }],
            ..LabelSelector::default()
        };
        prop_assert_ne!(one("In").matches(&labels), one("NotIn").matches(&labels));
    }

    #[test]
    fn a_selector_matches_no_more_with_a_further_requirement(
        labels in proptest::collection::btree_map("[a-c]", "[x-z]", 0..3), key in "[a-c]", value in "[x-z]", more in "[a-c]",
    ) {
        let few = LabelSelector { match_labels: BTreeMap::from([(key, value)]), ..LabelSelector::default() };
        let exists = Requirement { key: more, operator: "Exists".into(), values: Vec::new() };
        let many = LabelSelector { match_expressions: vec![exists], ..few.clone() };
        prop_assert!(!many.matches(&labels) || few.matches(&labels));
    }

    #[test]
    fn any_text_can_be_taken_apart(text in "\\PC{0,200}") {
        let _ = parse::parse(&format!("0/3 nodes are available: {text}"));
        let _ = parse::parse(&text);
    }
}
