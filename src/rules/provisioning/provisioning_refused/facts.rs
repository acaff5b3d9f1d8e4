//! The fields that stop a provisioner, with what they hold.

use super::Stopped;
use crate::diagnosis::context::{Context, claim_ref};
use crate::diagnosis::finding::Evidence;
use crate::model::claim::SELECTED_NODE;
use crate::model::{Claim, Kind, ObjectRef, Quantity, StorageClass};
use crate::volumes::ProvisionProblem;

/// The fields that decide; `class` is the claim's.
pub(super) fn facts(stopped: &Stopped<'_, '_>, class: Option<&StorageClass>) -> Vec<Evidence> {
    let claim = stopped.case.claim;
    let of_claim = |path: &str, value: &str, note: &str| vec![Context::fact(claim_ref(claim), path, value, note)];
    let of_class = |value: &str, note: &str| {
        vec![Context::fact(ObjectRef::new(Kind::StorageClass, "", claim.class()), "parameters", value, note)]
    };
    let of_driver = |value: &str, note: &str| {
        vec![Context::fact(ObjectRef::new(Kind::CSIDriver, "", &stopped.verdict.driver), "", value, note)]
    };
    match stopped.problem {
        ProvisionProblem::Selector => {
            of_claim("spec.selector", "set", "only volumes that exist can be selected by labels")
        }
        ProvisionProblem::FsTypeTwice => {
            of_class("fstype and csi.storage.k8s.io/fstype", "the class may have one of the two")
        }
        ProvisionProblem::ZonesTwice => of_class("zone or zones", "not beside allowedTopologies"),
        ProvisionProblem::NeedsPopulator { group, kind } => {
            let note = "the provisioner leaves this to a volume populator; none has made the volume";
            of_claim("spec.dataSourceRef", &format!("{kind}.{group}"), note)
        }
        ProvisionProblem::SourceMissing { name }
        | ProvisionProblem::SourceNotBound { name, .. }
        | ProvisionProblem::SourceDeleting { name }
        | ProvisionProblem::SourceLarger { name, .. }
        | ProvisionProblem::SourceUnusable { name }
        | ProvisionProblem::SourceMode { name } => of_source(claim, name, stopped.problem),
        ProvisionProblem::CsiNodeMissing { node }
        | ProvisionProblem::NoTopologyKey { node, .. }
        | ProvisionProblem::NodeLacksLabels { node, .. }
        | ProvisionProblem::NotAllowed { node } => of_node(stopped, node, class),
        ProvisionProblem::DriverOnNoNode => of_driver("on no CSINode", "its node plugin registers it on each node"),
        ProvisionProblem::KeysOnNoNode { keys } => {
            of_driver(&keys.join(", "), "topology keys of the driver, which no node has as labels")
        }
        ProvisionProblem::AttributesClassMissing { name } | ProvisionProblem::AttributesClassOfOther { name, .. } => {
            of_claim("spec.volumeAttributesClassName", name, &stopped.problem.to_string())
        }
    }
}

/// What the claim that is to be cloned has.
fn of_source(clone: &Claim, source: &str, problem: &ProvisionProblem) -> Vec<Evidence> {
    let object = ObjectRef::new(Kind::PersistentVolumeClaim, &clone.metadata.namespace, source);
    let fact = |path: &str, value: &str, note: &str| vec![Context::fact(object, path, value, note)];
    match problem {
        ProvisionProblem::SourceNotBound { phase, .. } => {
            fact("status.phase", phase, "only a bound claim can be cloned")
        }
        ProvisionProblem::SourceDeleting { .. } => {
            fact("metadata.deletionTimestamp", "set", "the claim that is to be cloned")
        }
        ProvisionProblem::SourceLarger { requested, source, .. } => {
            let path = "spec.resources.requests.storage";
            let mut facts = fact(path, &Quantity::bytes(*source).to_string(), "a clone must be at least as large");
            let requested = Quantity::bytes(*requested).to_string();
            facts.push(Context::fact(claim_ref(clone), path, requested, "what the clone asks for"));
            facts
        }
        ProvisionProblem::SourceUnusable { .. } => {
            fact("spec.volumeName", "", "its volume must be bound and of the same driver")
        }
        ProvisionProblem::SourceMode { .. } => {
            fact("spec.volumeMode", "", &format!("the clone asks for {}", clone.volume_mode()))
        }
        _ => fact("", "not found", "the claim that is to be cloned"),
    }
}

/// What the node that was chosen has, or the class that doesn't allow it.
fn of_node(stopped: &Stopped<'_, '_>, node: &str, class: Option<&StorageClass>) -> Vec<Evidence> {
    let claim = stopped.case.claim;
    let labels =
        |value: &str, note: &str| Context::fact(ObjectRef::new(Kind::Node, "", node), "metadata.labels", value, note);
    let note = match stopped.problem {
        ProvisionProblem::NodeLacksLabels { labels: wanted, .. } => {
            return vec![labels(&wanted.join(", "), "the driver's topology keys ask for these labels")];
        }
        ProvisionProblem::NotAllowed { .. } => {
            let object = ObjectRef::new(Kind::StorageClass, "", claim.class());
            let allowed = class.map_or_else(String::new, allowed);
            let note = "where volumes of the class may be made";
            return vec![
                Context::fact(object, "allowedTopologies", allowed, note),
                labels("others", "the chosen node"),
            ];
        }
        ProvisionProblem::NoTopologyKey { registered: true, .. } => "registered there without topology keys",
        ProvisionProblem::NoTopologyKey { registered: false, .. } => "not registered there",
        _ => "the node has no CSINode at all",
    };
    let chosen = format!("metadata.annotations[{SELECTED_NODE}]");
    let csi_node = ObjectRef::new(Kind::CSINode, "", node);
    vec![
        Context::fact(claim_ref(claim), &chosen, node, "the node that the scheduler has chosen"),
        Context::fact(csi_node, "spec.drivers", &stopped.verdict.driver, note),
    ]
}

/// Where volumes of a class may be made.
fn allowed(class: &StorageClass) -> String {
    let terms = class.allowed_topologies.iter().map(|term| {
        let all = term.match_label_expressions.iter().map(|one| format!("{} in ({})", one.key, one.values.join(", ")));
        all.collect::<Vec<_>>().join(" and ")
    });
    terms.collect::<Vec<_>>().join(", or ")
}
