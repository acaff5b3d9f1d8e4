//! Nodes on which claims need a driver that isn't there, before any volume is made.

use std::collections::BTreeMap;

use super::driver_absence::Absence;
use crate::diagnosis::context::{ClaimCase, Context};
use crate::model::{Kind, Node, ObjectRef};
use crate::rules::provisioning::provisioning_refused::stops;
use crate::volumes::ProvisionProblem;

/// The driver and the nodes that lack it, where a claim's provisioner can't begin for that and the cluster shows why.
pub(in crate::rules) fn wanting<'a>(cx: &Context<'a>, case: &ClaimCase<'_>) -> Option<(String, Vec<&'a Node>)> {
    let driver = case.provisioning.as_ref()?.driver.clone();
    let nodes = match stops(cx, case)? {
        ProvisionProblem::NoTopologyKey { node, registered: false } => {
            let node = &**cx.snapshot.nodes.get("", node).found()?;
            let told = telling(&Absence::of(cx, &driver, node));
            told.then_some(vec![node])?
        }
        ProvisionProblem::DriverOnNoNode => lacking_everywhere(cx, &driver)?,
        _ => return None,
    };
    Some((driver, nodes))
}

/// The nodes that lack a driver which is on no node: those for which the cause is the same, the most there are. Nodes that
/// its plugin isn't meant for, and those with taints, count only where there are no others.
pub(in crate::rules) fn lacking_everywhere<'a>(cx: &Context<'a>, driver: &str) -> Option<Vec<&'a Node>> {
    if cx.index.nodes_with(driver).is_some() || cx.unread_anywhere(&[Kind::CSINode]).is_some() {
        return None;
    }
    let mut causes: BTreeMap<(bool, ObjectRef, String), Vec<&'a Node>> = BTreeMap::new();
    let all: Vec<&'a Node> = cx.snapshot.nodes.seen().iter().map(|node| &**node).collect();
    let open: Vec<&'a Node> = all.iter().copied().filter(|node| open(node)).collect();
    for node in if open.is_empty() { all } else { open } {
        let absence = Absence::of(cx, driver, node);
        if telling(&absence) {
            let kept = matches!(absence, Absence::KeptOff(..) | Absence::VirtualNode(_));
            let object = absence.object(cx, driver, &node.metadata.name);
            let key = (kept, object, absence.cause(cx, driver, "that node"));
            causes.entry(key).or_default().push(node);
        }
    }
    let most = causes.into_iter().max_by_key(|((kept, ..), nodes)| (!kept, nodes.len()));
    most.map(|(_, nodes)| nodes)
}

/// Whether the node takes pods that tolerate nothing.
fn open(node: &Node) -> bool {
    !node.spec.taints.iter().any(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
}

fn telling(absence: &Absence<'_>) -> bool {
    !matches!(absence, Absence::Unknown | Absence::NotInstalled)
}
