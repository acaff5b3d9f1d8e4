//! What a CSI driver's external-provisioner does with a claim: whether it takes it, which topology it asks the driver
//! for, and what stops it before the driver is called (`kubernetes-csi/external-provisioner`, pkg/controller, and
//! `sig-storage-lib-external-provisioner`). Flags of the sidecar are not in the API; their defaults are assumed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::migration::{allowed_topologies, csi_driver_of};
use super::provision_failure::ProvisionFailure;
use super::provisioner_verdict::{CallOutcome, Intake, ProvisionProblem, ProvisionerReport, ProvisionerVerdict};
use crate::model::claim::{BETA_STORAGE_PROVISIONER, SELECTED_NODE, STORAGE_PROVISIONER};
use crate::model::meta::Map;
use crate::model::selector::TopologySelectorTerm;
use crate::model::{Claim, Event, Kind, StorageClass};
use crate::snapshot::history::second;
use crate::snapshot::{Lookup, Snapshot};

/// Names the CSI driver that takes over what an in-tree plugin was asked for.
const MIGRATED_TO: &str = "pv.kubernetes.io/migrated-to";

/// The provisioners' view of a snapshot, with indexes; made once per snapshot.
#[derive(Debug)]
pub struct Provisioners<'a> {
    snapshot: &'a Snapshot,
    /// Topology keys by driver and node, of drivers that are registered.
    keys: HashMap<&'a str, BTreeMap<&'a str, &'a [String]>>,
    /// The segments of all nodes, by topology keys: most claims ask for those of few drivers.
    segments: RefCell<HashMap<Vec<String>, Rc<[Map]>>>,
}

impl<'a> Provisioners<'a> {
    /// Indexes a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut keys: HashMap<&'a str, BTreeMap<&'a str, &'a [String]>> = HashMap::new();
        for node in snapshot.csi_nodes.seen() {
            for driver in &node.spec.drivers {
                keys.entry(&driver.name).or_default().insert(&node.metadata.name, &driver.topology_keys);
            }
        }
        Self { snapshot, keys, segments: RefCell::default() }
    }

    /// What the external provisioner of the claim's class does. `None` where the claim has no class, the class isn't
    /// there or could not be read, or it names an in-tree plugin that no driver took over.
    pub fn judge(&self, claim: &Claim) -> Option<ProvisionerVerdict> {
        let class = self.snapshot.classes.get("", claim.class()).found()?;
        let driver = match csi_driver_of(&class.provisioner) {
            Some(driver) => driver,
            None if class.provisioner.starts_with("kubernetes.io/") => return None,
            None => class.provisioner.as_str(),
        };
        let mut verdict = ProvisionerVerdict {
            driver: driver.to_owned(),
            csi: driver != class.provisioner || self.is_csi(driver),
            intake: self.intake(claim, class, driver),
            selected_node: claim.selected_node().filter(|node| !node.is_empty()).map(str::to_owned),
            requisite: Vec::new(),
            preferred: None,
            problem: None,
            report: None,
            failures: Vec::new(),
            unknown: Vec::new(),
        };
        self.listen(claim, class, &mut verdict);
        if verdict.csi && verdict.intake == Intake::Takes {
            self.prepare(claim, class, &mut verdict);
        }
        Some(verdict)
    }

    fn is_csi(&self, driver: &str) -> bool {
        self.keys.contains_key(driver) || self.snapshot.csi_drivers.get("", driver).found().is_some()
    }

    /// shouldProvision, then what ends provisionClaimOperation in silence.
    fn intake(&self, claim: &Claim, class: &StorageClass, driver: &str) -> Intake {
        if !claim.spec.volume_name.is_empty() {
            return Intake::NamesVolume;
        }
        let annotation = |key: &str| claim.metadata.annotations.get(key).map(String::as_str);
        let asked = annotation(STORAGE_PROVISIONER).or(annotation(BETA_STORAGE_PROVISIONER));
        let selected = annotation(SELECTED_NODE).is_some_and(|node| !node.is_empty());
        match asked {
            Some(asked) if asked != driver && annotation(MIGRATED_TO) != Some(driver) => {
                return Intake::AskedAnother { provisioner: asked.to_owned() };
            }
            _ if class.waits_for_consumer() && !selected => return Intake::WaitsForNode,
            Some(_) => {}
            None => return Intake::NotAsked,
        }
        let volume = format!("pvc-{}", claim.metadata.uid);
        match self.snapshot.volumes.get("", &volume) {
            Lookup::Found(_) => Intake::Provisioned { volume },
            Lookup::Absent | Lookup::Unknown => Intake::Takes,
        }
    }

    /// prepareProvision: the first problem wins.
    fn prepare(&self, claim: &Claim, class: &StorageClass, verdict: &mut ProvisionerVerdict) {
        let Some(allowed) = allowed_topologies(class) else {
            verdict.problem = Some(ProvisionProblem::ZonesTwice);
            return;
        };
        let problem = populator(claim)
            .or_else(|| claim.spec.selector.is_some().then_some(ProvisionProblem::Selector))
            .or_else(|| fs_type_twice(class).then_some(ProvisionProblem::FsTypeTwice))
            .or_else(|| self.clone_source(claim, verdict))
            .or_else(|| self.topology(&allowed, verdict))
            .or_else(|| self.attributes_class(claim, verdict));
        verdict.problem = problem;
    }

    /// getPVCSource.
    fn clone_source(&self, claim: &Claim, verdict: &mut ProvisionerVerdict) -> Option<ProvisionProblem> {
        let (_, kind, name, namespace) = data_source(claim)?;
        if kind != "PersistentVolumeClaim" {
            return None;
        }
        let name = name.to_owned();
        let source = match self.snapshot.claims.get(namespace, &name) {
            Lookup::Found(source) => source,
            Lookup::Absent => return Some(ProvisionProblem::SourceMissing { name }),
            Lookup::Unknown => {
                verdict.unknown.push(format!("PersistentVolumeClaim {namespace}/{name} could not be read"));
                return None;
            }
        };
        if source.status.phase != "Bound" {
            return Some(ProvisionProblem::SourceNotBound { name, phase: source.status.phase.clone() });
        }
        if source.metadata.deleting() {
            return Some(ProvisionProblem::SourceDeleting { name });
        }
        let [requested, present] = [claim, source].map(|claim| claim.request().map_or(0, |size| size.value()));
        if requested < present {
            return Some(ProvisionProblem::SourceLarger { name, requested, source: present });
        }
        let volume = match self.snapshot.volumes.get("", &source.spec.volume_name) {
            Lookup::Found(volume) => volume,
            Lookup::Absent => return Some(ProvisionProblem::SourceUnusable { name }),
            Lookup::Unknown => {
                verdict.unknown.push(format!("PersistentVolume {} could not be read", source.spec.volume_name));
                return None;
            }
        };
        let driver = volume.spec.csi.as_ref().is_some_and(|csi| csi.driver == verdict.driver);
        let bound = volume.spec.claim_ref.as_ref().is_some_and(|reference| reference.uid == source.metadata.uid);
        if !driver || !bound || volume.status.phase != "Bound" {
            return Some(ProvisionProblem::SourceUnusable { name });
        }
        (volume.volume_mode() != claim.volume_mode()).then_some(ProvisionProblem::SourceMode { name })
    }

    /// GenerateAccessibilityRequirements. A driver that has topology keys on no node is taken for one without topology.
    fn topology(&self, allowed: &[TopologySelectorTerm], verdict: &mut ProvisionerVerdict) -> Option<ProvisionProblem> {
        let nodes = self.keys.get(verdict.driver.as_str());
        if !self.snapshot.csi_nodes.complete() {
            verdict.unknown.push("not all CSINodes could be read".to_owned());
        } else if nodes.is_none() {
            return Some(ProvisionProblem::DriverOnNoNode);
        }
        let keyed = nodes.and_then(|nodes| nodes.values().find(|keys| !keys.is_empty()).copied());
        let Some(node) = verdict.selected_node.clone() else {
            let keys = keyed?;
            verdict.requisite = self.requisite(keys, allowed);
            let none = verdict.requisite.is_empty() && self.snapshot.nodes.complete();
            return none.then(|| ProvisionProblem::KeysOnNoNode { keys: keys.to_vec() });
        };
        match self.snapshot.csi_nodes.get("", &node) {
            Lookup::Absent if keyed.is_some() => return Some(ProvisionProblem::CsiNodeMissing { node }),
            Lookup::Absent | Lookup::Unknown => return None,
            Lookup::Found(_) => {}
        }
        let registered = nodes.and_then(|nodes| nodes.get(node.as_str()).copied());
        let Some(keys) = registered.filter(|keys| !keys.is_empty()) else {
            let registered = registered.is_some();
            return keyed.map(|_| ProvisionProblem::NoTopologyKey { node, registered });
        };
        let labels = match self.snapshot.nodes.get("", &node) {
            Lookup::Found(node) => node.metadata.labels.clone(),
            Lookup::Absent => Map::new(),
            Lookup::Unknown => {
                verdict.unknown.push(format!("Node {node} could not be read"));
                return None;
            }
        };
        let Some(segment) = segment(keys, &labels) else {
            let labels = keys.iter().filter(|key| !labels.contains_key(*key)).cloned().collect();
            return Some(ProvisionProblem::NodeLacksLabels { node, labels });
        };
        let terms = self.requisite(keys, allowed);
        let fits = allowed.is_empty() || terms.is_empty() || terms.iter().any(|term| contains(&segment, term));
        verdict.requisite = terms;
        verdict.preferred = Some(segment);
        (!fits).then_some(ProvisionProblem::NotAllowed { node })
    }

    /// The segments in one of which a volume may be made: those that are allowed, else those of all nodes.
    fn requisite(&self, keys: &[String], allowed: &[TopologySelectorTerm]) -> Vec<Map> {
        if allowed.is_empty() { self.segments(keys).to_vec() } else { flatten(allowed) }
    }

    /// The segments of all nodes that have every key as a label.
    fn segments(&self, keys: &[String]) -> Rc<[Map]> {
        if let Some(known) = self.segments.borrow().get(keys) {
            return Rc::clone(known);
        }
        let nodes = self.snapshot.nodes.seen().iter();
        let segments: BTreeSet<Map> = nodes.filter_map(|node| segment(keys, &node.metadata.labels)).collect();
        let segments: Rc<[Map]> = segments.into_iter().collect();
        self.segments.borrow_mut().insert(keys.to_vec(), Rc::clone(&segments));
        segments
    }

    fn attributes_class(&self, claim: &Claim, verdict: &mut ProvisionerVerdict) -> Option<ProvisionProblem> {
        let name = claim.spec.volume_attributes_class_name.clone().filter(|name| !name.is_empty())?;
        match self.snapshot.attributes_classes.get("", &name) {
            Lookup::Found(class) if class.driver_name == verdict.driver => None,
            Lookup::Found(class) => {
                Some(ProvisionProblem::AttributesClassOfOther { name, driver: class.driver_name.clone() })
            }
            Lookup::Absent => Some(ProvisionProblem::AttributesClassMissing { name }),
            Lookup::Unknown => {
                verdict.unknown.push(format!("VolumeAttributesClass {name} could not be read"));
                None
            }
        }
    }

    /// What the driver's provisioner said of the claim; its component is `DRIVER_HOST_UUID`. `Provisioning` begins an
    /// attempt and ends no failure. What was said before the class was made anew is no evidence.
    fn listen(&self, claim: &Claim, class: &StorageClass, verdict: &mut ProvisionerVerdict) {
        let driver = verdict.driver.clone();
        let own = |component: &str| component.strip_prefix(&driver).is_some_and(|rest| rest.starts_with('_'));
        let history = self.snapshot.events.about(Kind::PersistentVolumeClaim, &claim.metadata).by(own);
        let made = second(&class.metadata.creation_timestamp);
        let failed = |event: &Event| event.reason == "ProvisioningFailed" && second(event.last_seen()) >= made;
        let standing = history.standing(failed, |event| event.reason == "ProvisioningSucceeded");
        verdict.failures = standing.iter().map(|event| self.report(event, class, &driver)).collect();
        let telling = verdict.failures.iter().find(|report| report.tells()).or(verdict.failures.first());
        verdict.report = telling.cloned().or_else(|| Some(self.report(history.last(|_| true)?, class, &driver)));
    }

    fn report(&self, event: &Event, class: &StorageClass, driver: &str) -> ProvisionerReport {
        ProvisionerReport {
            reason: event.reason.clone(),
            message: event.message.clone(),
            count: event.times(),
            first_seen: event.first_seen().to_owned(),
            last_seen: event.last_seen().to_owned(),
            outcome: self.outcome(&event.message, class, driver),
            failure: (event.reason == "ProvisioningFailed").then(|| ProvisionFailure::parse(&event.message)),
        }
    }

    /// checkError: the gRPC code decides. An attempt for a class that waits for a consumer had a selected node, even
    /// where that was given back since.
    fn outcome(&self, message: &str, class: &StorageClass, driver: &str) -> Option<CallOutcome> {
        let (_, rest) = message.split_once("rpc error: code = ")?;
        let topology = self.keys.get(driver).is_some_and(|nodes| nodes.values().any(|keys| !keys.is_empty()));
        Some(match rest.split(' ').next()? {
            "ResourceExhausted" if topology && class.waits_for_consumer() => CallOutcome::GivesNodeBack,
            "Canceled" | "DeadlineExceeded" | "Unavailable" | "Aborted" => CallOutcome::MayRun,
            _ => CallOutcome::KeepsNode,
        })
    }
}

/// The group, kind, name and namespace of what the volume is to be filled from.
fn data_source(claim: &Claim) -> Option<(&str, &str, &str, &str)> {
    let source = claim.spec.data_source.as_ref().or(claim.spec.data_source_ref.as_ref())?;
    let own = claim.metadata.namespace.as_str();
    let namespace = source.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own);
    Some((source.api_group.as_deref().unwrap_or_default(), &source.kind, &source.name, namespace))
}

fn populator(claim: &Claim) -> Option<ProvisionProblem> {
    let (group, kind, ..) = data_source(claim)?;
    let known = ["VolumeSnapshot", "PersistentVolumeClaim"].contains(&kind);
    (!known).then(|| ProvisionProblem::NeedsPopulator { group: group.to_owned(), kind: kind.to_owned() })
}

fn fs_type_twice(class: &StorageClass) -> bool {
    let fs_type = |key: &&String| key.eq_ignore_ascii_case("fstype") || *key == "csi.storage.k8s.io/fstype";
    class.parameters.keys().filter(fs_type).count() > 1
}

/// The values of the keys among labels, where all are there.
fn segment(keys: &[String], labels: &Map) -> Option<Map> {
    keys.iter().map(|key| Some((key.clone(), labels.get(key)?.clone()))).collect()
}

fn contains(segment: &Map, term: &Map) -> bool {
    term.iter().all(|(key, value)| segment.get(key) == Some(value))
}

/// Allowed topologies as segments: every combination of a term's values.
fn flatten(allowed: &[TopologySelectorTerm]) -> Vec<Map> {
    let mut segments = BTreeSet::new();
    for term in allowed {
        let mut combinations = vec![Map::new()];
        for requirement in &term.match_label_expressions {
            let extended = combinations.iter().flat_map(|combination| {
                requirement.values.iter().map(|value| {
                    let mut combination = combination.clone();
                    combination.insert(requirement.key.clone(), value.clone());
                    combination
                })
            });
            combinations = extended.collect();
        }
        segments.extend(combinations.into_iter().filter(|combination| !combination.is_empty()));
    }
    segments.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fixture::{builder, claim, claim_of, class, merged, snapshot, volume, waiting_class};
    use super::*;
    use crate::snapshot::{Problem, Scope};

    type Object = (Kind, Value);

    const DRIVER: &str = "csi.example.com";
    const ZONE: &str = "zone";

    fn judge(objects: &[Object]) -> Option<ProvisionerVerdict> {
        let snapshot = snapshot(objects);
        Provisioners::new(&snapshot).judge(&claim_of(&snapshot, "c"))
    }

    fn problem(objects: &[Object]) -> Option<ProvisionProblem> {
        let verdict = judge(objects).unwrap();
        assert_eq!((&verdict.intake, verdict.csi), (&Intake::Takes, true));
        verdict.problem
    }

    /// The claim `c`, handed to the driver, with a selected node.
    fn asked(special: Value) -> Object {
        let annotations = json!({ STORAGE_PROVISIONER: DRIVER, SELECTED_NODE: "n1" });
        claim("c", merged(json!({ "metadata": { "annotations": annotations } }), special))
    }

    fn node(name: &str, zone: &str) -> Object {
        (Kind::Node, json!({ "metadata": { "name": name, "labels": { ZONE: zone } } }))
    }

    fn csi_node(name: &str, keys: &[&str]) -> Object {
        let driver = json!({ "name": DRIVER, "nodeID": name, "topologyKeys": keys });
        (Kind::CSINode, json!({ "metadata": { "name": name }, "spec": { "drivers": [driver] } }))
    }

    fn bare_csi_node(name: &str) -> Object {
        (Kind::CSINode, json!({ "metadata": { "name": name } }))
    }

    fn csi_driver() -> Object {
        (Kind::CSIDriver, json!({ "metadata": { "name": DRIVER } }))
    }

    /// Two nodes in two zones, each with the driver.
    fn cluster(special: Value) -> Vec<Object> {
        vec![
            waiting_class("disk"),
            asked(special),
            csi_driver(),
            node("n1", "a"),
            node("n2", "b"),
            csi_node("n1", &[ZONE]),
            csi_node("n2", &[ZONE]),
        ]
    }

    fn failure(message: &str, special: Value) -> Object {
        let base = json!({
            "metadata": { "namespace": "app", "name": message },
            "involvedObject": { "kind": "PersistentVolumeClaim", "namespace": "app", "name": "c", "uid": "uid-c" },
            "type": "Warning", "reason": "ProvisioningFailed", "message": message, "count": 3,
            "lastTimestamp": "2026-01-01T00:00:09Z",
            "source": { "component": "csi.example.com_controller-0_1234" }
        });
        (Kind::Event, merged(base, special))
    }

    #[test]
    fn the_claim_must_have_been_handed_to_the_driver() {
        let intake = |objects: &[Object]| judge(objects).unwrap().intake;
        let immediate = class("disk", json!({}));
        assert_eq!(intake(&[immediate.clone(), claim("c", json!({}))]), Intake::NotAsked);
        assert_eq!(intake(&[immediate.clone(), asked(json!({}))]), Intake::Takes);
        let named = asked(json!({ "spec": { "volumeName": "v" } }));
        assert_eq!(intake(&[immediate.clone(), named]), Intake::NamesVolume);
        let beta = json!({ "metadata": { "annotations": { BETA_STORAGE_PROVISIONER: DRIVER } } });
        assert_eq!(intake(&[immediate.clone(), claim("c", beta)]), Intake::Takes);
        let other = json!({ "metadata": { "annotations": { STORAGE_PROVISIONER: "old.example.com" } } });
        let another = Intake::AskedAnother { provisioner: "old.example.com".to_owned() };
        assert_eq!(intake(&[immediate.clone(), asked(other)]), another, "the class was made anew");
        let made = volume("pvc-uid-c", json!({}));
        let provisioned = Intake::Provisioned { volume: "pvc-uid-c".to_owned() };
        assert_eq!(intake(&[immediate, asked(json!({})), made]), provisioned);
    }

    #[test]
    fn a_waiting_class_needs_a_selected_node_that_is_not_empty() {
        for node in [Value::Null, json!("")] {
            let annotations = json!({ "metadata": { "annotations": { SELECTED_NODE: node } } });
            let verdict = judge(&[waiting_class("disk"), asked(annotations)]).unwrap();
            assert_eq!((verdict.intake, verdict.selected_node), (Intake::WaitsForNode, None));
        }
    }

    #[test]
    fn a_migrated_class_is_its_drivers() {
        let ebs = class("disk", json!({ "provisioner": "kubernetes.io/aws-ebs" }));
        let handed = json!({ "metadata": { "annotations": { STORAGE_PROVISIONER: "ebs.csi.aws.com" } } });
        let verdict = judge(&[ebs, asked(handed)]).unwrap();
        assert_eq!((verdict.driver.as_str(), verdict.intake, verdict.csi), ("ebs.csi.aws.com", Intake::Takes, true));
        let none = class("disk", json!({ "provisioner": "kubernetes.io/no-provisioner" }));
        assert_eq!(judge(&[none, asked(json!({}))]), None);
        assert_eq!(judge(&[asked(json!({}))]), None, "no class");
    }

    #[test]
    fn of_a_provisioner_that_is_no_csi_driver_nothing_is_known() {
        let selector = json!({ "spec": { "selector": { "matchLabels": { "a": "b" } } } });
        let verdict = judge(&[class("disk", json!({})), asked(selector)]).unwrap();
        assert_eq!((verdict.intake, verdict.csi, verdict.problem), (Intake::Takes, false, None));
    }

    #[test]
    fn the_selected_nodes_segment_is_tried_first() {
        let verdict = judge(&cluster(json!({}))).unwrap();
        let zone = |name: &str| Map::from([(ZONE.to_owned(), name.to_owned())]);
        assert_eq!((verdict.problem, verdict.preferred), (None, Some(zone("a"))));
        assert_eq!(verdict.requisite, [zone("a"), zone("b")]);
    }

    #[test]
    fn allowed_topologies_are_every_combination_of_their_values() {
        let terms = json!([{ "matchLabelExpressions": [{ "key": "zone", "values": ["a", "b"] },
                                                       { "key": "rack", "values": ["1", "2"] }] }]);
        let mut objects = cluster(json!({ "metadata": { "annotations": { SELECTED_NODE: null } } }));
        objects[0] = class("disk", json!({ "allowedTopologies": terms }));
        let verdict = judge(&objects).unwrap();
        let pairs: Vec<String> = verdict.requisite.iter().map(|s| format!("{}{}", s["zone"], s["rack"])).collect();
        assert_eq!((pairs.join(" ").as_str(), verdict.problem), ("a1 b1 a2 b2", None));
        let elsewhere = json!([{ "matchLabelExpressions": [{ "key": "zone", "values": ["z"] }] }]);
        let mut objects = cluster(json!({}));
        objects[0].1["allowedTopologies"] = elsewhere;
        assert_eq!(problem(&objects), Some(ProvisionProblem::NotAllowed { node: "n1".to_owned() }));
    }

    #[test]
    fn the_driver_must_be_on_the_selected_node_with_its_keys() {
        let mut objects = cluster(json!({}));
        objects[5] = bare_csi_node("n1");
        let missing = ProvisionProblem::NoTopologyKey { node: "n1".to_owned(), registered: false };
        assert_eq!(problem(&objects), Some(missing));
        objects[5] = csi_node("n1", &[]);
        let keyless = ProvisionProblem::NoTopologyKey { node: "n1".to_owned(), registered: true };
        assert_eq!(problem(&objects), Some(keyless));
        objects.remove(5);
        assert_eq!(problem(&objects), Some(ProvisionProblem::CsiNodeMissing { node: "n1".to_owned() }));
        let mut objects = cluster(json!({}));
        objects[5] = csi_node("n1", &[ZONE, "rack"]);
        let lacks = ProvisionProblem::NodeLacksLabels { node: "n1".to_owned(), labels: vec!["rack".to_owned()] };
        assert_eq!(problem(&objects), Some(lacks));
    }

    #[test]
    fn a_driver_without_topology_demands_none() {
        let mut objects = cluster(json!({}));
        (objects[5], objects[6]) = (bare_csi_node("n1"), csi_node("n2", &[]));
        let verdict = judge(&objects).unwrap();
        assert_eq!((verdict.problem, verdict.requisite.len(), verdict.preferred), (None, 0, None));
        (objects[5], objects[6]) = (bare_csi_node("n1"), bare_csi_node("n2"));
        assert_eq!(problem(&objects), Some(ProvisionProblem::DriverOnNoNode));
    }

    #[test]
    fn without_a_selected_node_some_node_must_have_the_labels() {
        let unplaced = json!({ "metadata": { "annotations": { SELECTED_NODE: null } } });
        let mut objects = cluster(unplaced);
        objects[0] = class("disk", json!({}));
        assert_eq!(problem(&objects), None);
        for at in [3, 4] {
            objects[at].1["metadata"]["labels"] = json!({});
        }
        assert_eq!(problem(&objects), Some(ProvisionProblem::KeysOnNoNode { keys: vec![ZONE.to_owned()] }));
    }

    #[test]
    fn what_the_claim_or_class_asks_for_can_be_refused() {
        let selector = json!({ "spec": { "selector": {} } });
        assert_eq!(problem(&cluster(selector)), Some(ProvisionProblem::Selector));
        let mut twice = cluster(json!({}));
        twice[0].1["parameters"] = json!({ "fsType": "xfs", "csi.storage.k8s.io/fstype": "xfs" });
        assert_eq!(problem(&twice), Some(ProvisionProblem::FsTypeTwice));
        let gold = json!({ "spec": { "volumeAttributesClassName": "gold" } });
        let missing = ProvisionProblem::AttributesClassMissing { name: "gold".to_owned() };
        assert_eq!(problem(&cluster(gold.clone())), Some(missing));
        let attributes = |driver: &str| {
            let object = json!({ "metadata": { "name": "gold" }, "driverName": driver });
            problem(&[cluster(gold.clone()), vec![(Kind::VolumeAttributesClass, object)]].concat())
        };
        assert_eq!(attributes(DRIVER), None);
        let other = ProvisionProblem::AttributesClassOfOther { name: "gold".to_owned(), driver: "x".to_owned() };
        assert_eq!(attributes("x"), Some(other));
    }

    #[test]
    fn a_clone_needs_a_bound_source_of_the_same_driver() {
        let source = json!({ "spec": { "dataSource": { "kind": "PersistentVolumeClaim", "name": "s" } } });
        let with = |objects: &[Object]| problem(&[&cluster(source.clone())[..], objects].concat());
        let name = || "s".to_owned();
        assert_eq!(with(&[]), Some(ProvisionProblem::SourceMissing { name: name() }));
        let pending = ProvisionProblem::SourceNotBound { name: name(), phase: "Pending".to_owned() };
        assert_eq!(with(&[claim("s", json!({}))]), Some(pending));
        let bound = |special: Value| {
            claim("s", merged(json!({ "spec": { "volumeName": "v" }, "status": { "phase": "Bound" } }), special))
        };
        let held = |special: Value| {
            let reference = json!({ "namespace": "app", "name": "s", "uid": "uid-s" });
            let base = json!({ "spec": { "claimRef": reference }, "status": { "phase": "Bound" } });
            volume("v", merged(base, special))
        };
        assert_eq!(with(&[bound(json!({})), held(json!({}))]), None);
        let large = bound(json!({ "spec": { "resources": { "requests": { "storage": "11Gi" } } } }));
        let larger = ProvisionProblem::SourceLarger { name: name(), requested: 10 << 30, source: 11 << 30 };
        assert_eq!(with(&[large, held(json!({}))]), Some(larger));
        let other = held(json!({ "spec": { "csi": { "driver": "other.example.com" } } }));
        assert_eq!(with(&[bound(json!({})), other]), Some(ProvisionProblem::SourceUnusable { name: name() }));
        let block = held(json!({ "spec": { "volumeMode": "Block" } }));
        assert_eq!(with(&[bound(json!({})), block]), Some(ProvisionProblem::SourceMode { name: name() }));
        let populated = json!({ "spec": { "dataSourceRef": { "apiGroup": "x.io", "kind": "Import", "name": "i" } } });
        let populator = ProvisionProblem::NeedsPopulator { group: "x.io".to_owned(), kind: "Import".to_owned() };
        assert_eq!(problem(&cluster(populated)), Some(populator));
        let restored = json!({ "spec": { "dataSource": { "apiGroup": "snapshot.storage.k8s.io",
                                                         "kind": "VolumeSnapshot", "name": "snap" } } });
        assert_eq!(problem(&cluster(restored)), None, "snapshots aren't read");
    }

    #[test]
    fn the_newest_event_of_the_drivers_own_provisioner_is_its_report() {
        let report = |events: &[Object]| judge(&[&cluster(json!({}))[..], events].concat()).unwrap().report;
        let exhausted = "rpc error: code = ResourceExhausted desc = no space";
        let earlier = json!({ "lastTimestamp": "2026-01-01T00:00:01Z" });
        let began = json!({ "type": "Normal", "reason": "Provisioning" });
        let newest = report(&[
            failure(exhausted, json!({})),
            failure("rpc error: code = Internal desc = x", earlier),
            failure("External provisioner is provisioning volume for claim \"app/c\"", began),
        ]);
        let newest = newest.unwrap();
        assert_eq!((newest.message.as_str(), newest.count), (exhausted, 3));
        assert_eq!(newest.outcome, Some(CallOutcome::GivesNodeBack));
        for other in [
            json!({ "source": { "component": "persistentvolume-controller" } }),
            json!({ "source": { "component": "csi.example.com.evil_0_1" } }),
            json!({ "involvedObject": { "uid": "uid of an earlier claim" } }),
            json!({ "involvedObject": { "name": "d" } }),
            json!({ "involvedObject": { "kind": "Pod" } }),
        ] {
            assert_eq!(report(&[failure(exhausted, other)]), None);
        }
    }

    #[test]
    fn the_code_of_the_drivers_error_decides_about_the_node() {
        let outcome = |message: &str, mut objects: Vec<Object>| {
            objects.push(failure(message, json!({})));
            judge(&objects).unwrap().report.unwrap().outcome
        };
        let wrapped =
            "failed to provision volume with StorageClass \"disk\": rpc error: code = ResourceExhausted desc = x";
        assert_eq!(outcome(wrapped, cluster(json!({}))), Some(CallOutcome::GivesNodeBack), "as older releases put it");
        let mut immediate = cluster(json!({}));
        immediate[0] = class("disk", json!({}));
        assert_eq!(outcome(wrapped, immediate), Some(CallOutcome::KeepsNode), "no node to give back");
        let mut keyless = cluster(json!({}));
        (keyless[5], keyless[6]) = (csi_node("n1", &[]), csi_node("n2", &[]));
        assert_eq!(outcome(wrapped, keyless), Some(CallOutcome::KeepsNode), "no topology");
        let deadline = "rpc error: code = DeadlineExceeded desc = context deadline exceeded";
        assert_eq!(outcome(deadline, cluster(json!({}))), Some(CallOutcome::MayRun));
        let invalid = "rpc error: code = InvalidArgument desc = bad parameter";
        assert_eq!(outcome(invalid, cluster(json!({}))), Some(CallOutcome::KeepsNode));
        assert_eq!(outcome("claim Selector is not supported", cluster(json!({}))), None);
    }

    #[test]
    fn what_could_not_be_read_is_said_and_no_problem() {
        let kinds = [Kind::CSINode, Kind::Node, Kind::VolumeAttributesClass, Kind::PersistentVolumeClaim];
        let special = json!({ "spec": { "volumeAttributesClassName": "gold",
                                        "dataSource": { "kind": "PersistentVolumeClaim", "name": "s" } } });
        let mut builder = builder(
            &cluster(special).into_iter().filter(|(k, _)| !matches!(k, Kind::CSINode | Kind::Node)).collect::<Vec<_>>(),
        );
        for kind in kinds {
            builder.cover(kind, Scope::Nothing(Problem::Forbidden));
        }
        let snapshot = builder.build(&Scope::All);
        let verdict = Provisioners::new(&snapshot).judge(&claim_of(&snapshot, "c")).unwrap();
        assert_eq!((verdict.problem, verdict.unknown.len()), (None, 3), "{:?}", verdict.unknown);
    }
}
