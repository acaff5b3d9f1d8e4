//! What a dump is taken to hold in full.

use storagewhy::model::Kind;
use storagewhy::snapshot::{Problem, Scope, Snapshot};

use super::support::{NODE, list, pod, read_fixture, read_text};

fn nothing() -> Scope {
    Scope::Nothing(Problem::NotInDump)
}

fn only(names: &[&str]) -> Scope {
    Scope::Namespaces(names.iter().map(|name| (*name).to_owned()).collect(), Problem::NotInDump)
}

#[test]
fn in_a_recorded_cluster_what_has_no_object_is_presumed_to_have_none() {
    let snapshot = read_fixture("whole-cluster.json.gz");
    let left_out: Vec<Kind> =
        Kind::ALL.iter().copied().filter(|kind| !kind.listed()).chain([Kind::EndpointSlice]).collect();
    for entry in snapshot.coverage().into_iter().filter(|entry| !left_out.contains(&entry.kind)) {
        assert!(snapshot.complete(entry.kind), "{}", entry.kind);
        assert_eq!(entry.presumed, entry.read == Some(0), "{}", entry.kind);
    }
    for kind in left_out {
        assert_eq!(
            snapshot.scope(kind),
            &nothing(),
            "every cluster has some, or dumps seldom hold them: they were left out"
        );
    }
}

/// A whole cluster with these objects besides those that every cluster has.
fn whole(objects: &[String]) -> Snapshot {
    let landmarks = [
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system"}}"#,
        r#"{"apiVersion":"scheduling.k8s.io/v1","kind":"PriorityClass","metadata":{"name":"system-node-critical"}}"#,
        r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"kubernetes","namespace":"default"}}"#,
    ];
    let all: Vec<String> = landmarks.iter().map(|text| (*text).to_owned()).chain(objects.iter().cloned()).collect();
    read_text("all.json", &list(&all))
}

#[test]
fn a_kind_without_objects_is_presumed_empty_only_in_a_whole_cluster() {
    let class = r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"fast"}}"#.to_owned();
    let snapshot = whole(&[]);
    assert_eq!(snapshot.scope(Kind::StorageClass), &Scope::Presumed);
    assert!(snapshot.classes.get("", "gold").is_absent(), "verdicts take it for empty");
    assert_eq!(whole(std::slice::from_ref(&class)).scope(Kind::StorageClass), &Scope::All);
    assert_eq!(read_text("some.json", &list(&[class])).scope(Kind::Node), &nothing());
    let empty = r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClassList","items":[]}"#.to_owned();
    assert_eq!(whole(&[empty]).scope(Kind::StorageClass), &Scope::All, "a typed empty list proves it");
}

#[test]
fn a_kind_of_which_the_cluster_must_have_objects_was_left_out() {
    let unread = |object: &str| -> Vec<Kind> {
        let snapshot = whole(&[object.to_owned()]);
        let always = |kind: &Kind| *kind == Kind::EndpointSlice || !kind.listed();
        let left_out = |kind: &Kind| !always(kind) && snapshot.scope(*kind) == &nothing();
        Kind::ALL.iter().copied().filter(left_out).collect()
    };
    let pod = |spec: &str, status: &str, owner: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p","namespace":"a","ownerReferences":[{owner}]}},
                "spec":{spec},"status":{status}}}"#
        )
    };
    let owner = r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","controller":true}"#;
    assert_eq!(unread(&pod("{}", "{}", owner)), [Kind::ReplicaSet]);
    assert_eq!(unread(&pod(r#"{"nodeName":"n"}"#, "{}", "")), [Kind::Node]);
    assert_eq!(unread(&pod(r#"{"nodeName":"n"}"#, r#"{"phase":"Succeeded"}"#, "")), [], "its node may be gone");
    let volume = r#"{"nodeName":"n","volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}]}"#;
    assert_eq!(unread(&pod(volume, r#"{"phase":"Running"}"#, "")), [Kind::Node, Kind::PersistentVolumeClaim]);
    let claim = |annotations: &str, phase: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{{"name":"c","namespace":"a","annotations":{annotations}}},
                "spec":{{"volumeName":"v","storageClassName":"fast"}},"status":{{"phase":"{phase}"}}}}"#
        )
    };
    assert_eq!(unread(&claim("{}", "Bound")), [Kind::PersistentVolume]);
    assert_eq!(unread(&claim("{}", "Lost")), [], "its volume is gone");
    let annotated = r#"{"volume.kubernetes.io/storage-provisioner":"disk.csi.example.com"}"#;
    assert_eq!(unread(&claim(annotated, "Pending")), [Kind::StorageClass], "the controller has read the class");
    let node = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","annotations":{"csi.volume.kubernetes.io/nodeid":"{}"}},
        "status":{"volumesAttached":[{"name":"kubernetes.io/csi/disk.csi.example.com^v"}]}}"#;
    assert_eq!(unread(node), [Kind::CSINode, Kind::VolumeAttachment]);
    let set = r#"{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"d","namespace":"a"},"status":{"numberReady":2}}"#;
    assert_eq!(unread(set), [Kind::Pod]);
}

#[test]
fn a_presumption_stays_one_in_a_snapshot_that_is_made_of_the_dump() {
    let mut bytes = Vec::new();
    storagewhy::source::dump::write_snapshot(&whole(&[]), &mut bytes).unwrap();
    let back = storagewhy::source::dump::read_bytes("snapshot.json", &bytes).unwrap();
    assert_eq!(back.scope(Kind::StorageClass), &Scope::Presumed);
    assert_eq!(back.scope(Kind::Namespace), &Scope::All);
}

#[test]
fn a_list_of_kinds_says_nothing_of_others() {
    let namespace = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system"}}"#;
    let snapshot =
        read_text("some.json", &list(&[pod("a", "p"), pod("b", "q"), NODE.to_owned(), namespace.to_owned()]));
    assert_eq!(snapshot.scope(Kind::Pod), &Scope::All);
    assert_eq!(snapshot.scope(Kind::Node), &Scope::All);
    assert_eq!(snapshot.scope(Kind::StorageClass), &nothing());
    assert!(!snapshot.classes.get("", "gold").is_absent(), "not in the dump is not absent");
}

#[test]
fn pods_of_one_namespace_may_be_those_of_that_namespace_only() {
    let snapshot = read_text("app.json", &list(&[pod("app", "p"), pod("app", "q")]));
    assert_eq!(snapshot.scope(Kind::Pod), &only(&["app"]));
    let claim = r#"{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"c","namespace":"a"}}"#;
    let snapshot = read_text("all.json", &list(&[pod("a", "p"), pod("b", "q"), claim.to_owned()]));
    assert_eq!(snapshot.scope(Kind::PersistentVolumeClaim), &Scope::All, "the list spans namespaces");
}

#[test]
fn capacities_live_in_the_drivers_namespace() {
    let capacity = r#"{"apiVersion":"storage.k8s.io/v1","kind":"CSIStorageCapacity","metadata":{"name":"c","namespace":"topolvm"}}"#;
    let snapshot = read_text("capacities.json", &list(&[capacity.to_owned()]));
    assert_eq!(snapshot.scope(Kind::CSIStorageCapacity), &Scope::All);
}

#[test]
fn an_object_that_stands_alone_tells_nothing_of_others() {
    let snapshot = read_text("node.json", NODE);
    assert_eq!(snapshot.scope(Kind::Node), &nothing());
    assert!(snapshot.nodes.get("", "n1").found().is_some());
    let snapshot = read_text("nodes.json", &list(&[NODE.to_owned()]));
    assert_eq!(snapshot.scope(Kind::Node), &Scope::All, "`kubectl get nodes` writes a list, even of one");
}

#[test]
fn empty_lists_count_by_their_type_or_by_the_files_name() {
    let snapshot = read_fixture("lists");
    assert_eq!(snapshot.scope(Kind::PodDisruptionBudget), &Scope::All);
    assert_eq!(snapshot.scope(Kind::Pod), &Scope::All);
    assert_eq!(snapshot.scope(Kind::Node), &nothing());
    let typed = r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClassList","items":null}"#;
    let snapshot = read_text("x.json", &format!("{typed}\n{}", list(&[pod("a", "p")])));
    assert_eq!(snapshot.scope(Kind::StorageClass), &Scope::All);
}

#[test]
fn per_namespace_files_cover_their_namespaces() {
    let snapshot = read_fixture("cluster-info");
    assert_eq!(snapshot.scope(Kind::Node), &Scope::All);
    assert_eq!(snapshot.scope(Kind::Pod), &only(&["default", "kube-system"]));
    assert_eq!(snapshot.scope(Kind::DaemonSet), &only(&["kube-system"]));
    let snapshot = read_fixture("must-gather");
    assert_eq!(snapshot.scope(Kind::Node), &Scope::All, "one file an object, in the kind's folder");
    assert_eq!(snapshot.scope(Kind::Pod), &only(&["app"]));
    assert_eq!(snapshot.scope(Kind::PersistentVolumeClaim), &only(&["app"]));
    let snapshot = read_fixture("support-bundle");
    assert_eq!(snapshot.scope(Kind::Pod), &only(&["app"]));
    assert_eq!(snapshot.scope(Kind::StorageClass), &nothing());
}

#[test]
fn a_header_can_say_that_all_is_there() {
    let snapshot = read_fixture("complete.yaml");
    assert!(Kind::ALL.iter().all(|&kind| snapshot.complete(kind)));
    assert_eq!(snapshot.taken.as_deref(), Some("2026-01-02T03:04:05Z"));
    let text =
        format!(r#"{{"apiVersion":"storagewhy.dev/v1","kind":"Snapshot","coverage":"complete","items":[{NODE}]}}"#);
    assert!(read_text("s.json", &text).pods.get("a", "b").is_absent());
}

#[test]
fn a_snapshot_covers_what_it_says() {
    let text = r#"{"apiVersion":"storagewhy.dev/v1","kind":"Snapshot","metadata":{},"coverage":[
        {"kind":"Pod","scope":"namespaces","namespaces":["b","a"],"problem":"forbidden"},
        {"kind":"Node","scope":"all"},
        {"kind":"Event","scope":"nothing","problem":"the server hung up"},
        {"kind":"KindOfTheFuture","scope":"all"}],"items":[]}"#;
    let snapshot = read_text("s.json", text);
    assert_eq!(snapshot.scope(Kind::Pod), &Scope::Namespaces(vec!["a".to_owned(), "b".to_owned()], Problem::Forbidden));
    assert!(snapshot.nodes.get("", "n").is_absent());
    assert_eq!(snapshot.scope(Kind::Event), &Scope::Nothing(Problem::Failed("the server hung up".to_owned())));
    assert_eq!(snapshot.scope(Kind::StorageClass), &nothing());
}

#[test]
fn a_file_that_breaks_off_is_not_complete() {
    let snapshot = read_fixture("breaks-off.yaml");
    assert!(snapshot.nodes.get("", "n1").found().is_some(), "what stood before is kept");
    for kind in [Kind::Node, Kind::Pod, Kind::StorageClass] {
        let Scope::Nothing(Problem::Failed(reason)) = snapshot.scope(kind) else { panic!("{kind} is not complete") };
        assert!(reason.contains("breaks-off.yaml: invalid YAML") && reason.contains("line 9"), "{reason}");
    }
    assert_eq!(snapshot.warnings.len(), 1);
}

#[test]
fn a_header_does_not_vouch_for_a_file_that_breaks_off() {
    let text = "apiVersion: storagewhy.dev/v1\nkind: Snapshot\ncoverage: complete\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\n---\nkind: [\n";
    let snapshot = read_text("s.yaml", text);
    assert!(!snapshot.complete(Kind::Node));
    assert!(!snapshot.complete(Kind::StorageClass));
}

#[test]
fn a_broken_file_of_a_folder_spoils_its_kind_alone() {
    let files: [(&str, &[u8]); 3] = [
        ("pods.json", br#"{"apiVersion":"v1","kind":"PodList","items":[{"metadata":"#),
        ("nodes.json", br#"{"apiVersion":"v1","kind":"NodeList","items":[{"metadata":{"name":"n1"}}]}"#),
        ("storageclasses.json", b"  "),
    ];
    let snapshot = storagewhy::source::dump::read_bytes("d.tar", &super::support::tar(&files)).unwrap();
    assert_eq!(snapshot.scope(Kind::Node), &Scope::All);
    assert!(matches!(snapshot.scope(Kind::Pod), Scope::Nothing(Problem::Failed(_))));
    assert!(matches!(snapshot.scope(Kind::StorageClass), Scope::Nothing(Problem::Failed(_))));
    assert_eq!(snapshot.warnings.len(), 2, "{:?}", snapshot.warnings);
}
