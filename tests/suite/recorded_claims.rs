//! The PV controller's events on claims of recorded clusters. The recordings are not in the repository: give their
//! folder (`case-*.json.gz`, a `v1` List each) in `STORAGEWHY_CASES`.

#![expect(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use storagewhy::source::dump;
use storagewhy::volumes::VolumeController;

type Events = BTreeMap<(String, String), Vec<(String, String)>>;

#[test]
#[ignore = "needs recordings: STORAGEWHY_CASES"]
#[expect(clippy::disallowed_methods, reason = "the recordings are outside the repository")]
fn claims_of_recorded_clusters_have_the_recorded_events() {
    let folder = std::env::var_os("STORAGEWHY_CASES").expect("STORAGEWHY_CASES names the folder of the recordings");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".json.gz"));
    files.sort();
    assert!(!files.is_empty());
    let (mut judged, mut differing) = (0, Vec::new());
    for path in &files {
        let recording = read(path);
        let version = recording["metadata"]["annotations"]["kubeVersion"].as_str().unwrap_or("1.36");
        let bytes = serde_json::to_vec(&without_answers(&recording)).unwrap();
        let snapshot = dump::read_bytes("recording", &bytes).unwrap();
        let controller = VolumeController::new(&snapshot).with_version(version.parse().unwrap());
        for claim in snapshot.claims.seen().iter().filter(|claim| claim.status.phase == "Bound") {
            assert_eq!(
                controller.judge(claim).phase,
                storagewhy::volumes::ClaimPhase::Bound,
                "{} {}",
                path.display(),
                claim.metadata.name
            );
        }
        for ((namespace, name), expected) in last_events(&recording) {
            let claim = snapshot.claims.get(&namespace, &name).found().unwrap();
            let verdict = controller.judge(claim);
            let event = verdict.event.as_ref().map(|event| (event.reason.to_owned(), sorted_pods(&event.message)));
            judged += 1;
            let same = event.as_ref().map_or(expected.is_empty(), |event| expected.contains(event));
            if !same {
                differing.push(format!("{} {namespace}/{name}: {expected:?} ≠ {verdict:?}", path.display()));
            }
        }
    }
    println!("{judged} claims in {} recordings", files.len());
    assert!(differing.is_empty(), "{} of {judged} differ:\n{}", differing.len(), differing.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "the recordings are outside the repository")]
fn read(path: &Path) -> Value {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn items(recording: &Value) -> &[Value] {
    recording["items"].as_array().unwrap()
}

fn without_answers(recording: &Value) -> Value {
    let kept: Vec<&Value> = items(recording).iter().filter(|item| item["kind"] != "Event").collect();
    serde_json::json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": kept })
}

/// The newest events of every pending claim; none where the controller was silent.
fn last_events(recording: &Value) -> Events {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = |object: &Value| (text(&object["namespace"]), text(&object["name"]));
    let pending = |item: &&Value| item["kind"] == "PersistentVolumeClaim" && item["status"]["phase"] == "Pending";
    let mut events: Events =
        items(recording).iter().filter(pending).map(|item| (key(&item["metadata"]), Vec::new())).collect();
    let mut newest: BTreeMap<(String, String), String> = BTreeMap::new();
    for item in items(recording).iter().filter(|item| {
        item["involvedObject"]["kind"] == "PersistentVolumeClaim"
            && item["source"]["component"] == "persistentvolume-controller"
    }) {
        let (key, time) = (key(&item["involvedObject"]), text(&item["lastTimestamp"]));
        let Some(list) = events.get_mut(&key) else { continue };
        let last = newest.entry(key).or_default();
        if time < *last {
            continue;
        }
        if time > *last {
            list.clear();
            *last = time;
        }
        list.push((text(&item["reason"]), sorted_pods(&text(&item["message"]))));
    }
    events
}

/// The pods that a claim waits for come in the order of a map.
fn sorted_pods(message: &str) -> String {
    let pods = message.strip_prefix("waiting for pods ").and_then(|rest| rest.strip_suffix(" to be scheduled"));
    let Some(pods) = pods else { return message.to_owned() };
    let mut pods: Vec<&str> = pods.split(',').collect();
    pods.sort_unstable();
    format!("waiting for pods {} to be scheduled", pods.join(","))
}
