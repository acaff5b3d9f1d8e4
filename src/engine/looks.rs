//! Where to look next, for causes whose repair no command can make.

use crate::diagnosis::command::describe;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::{Kind, ObjectRef};

/// Gives each error and warning without a command one that shows more.
pub(crate) fn add(cx: &Context<'_>, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.severity < Severity::Info && !leads_on(finding)) {
        let steps = steps(cx, finding);
        if !steps.is_empty() {
            finding.remedies.push(Remedy::untried("Look closer", Risk::Low, steps, "it changes nothing"));
        }
    }
}

/// Whether a step has a command of another program than this one.
fn leads_on(finding: &Finding) -> bool {
    let mut commands =
        finding.remedies.iter().flat_map(|remedy| &remedy.steps).filter_map(|step| step.command.as_ref());
    commands.any(|command| !command.starts_with("kubectl storagewhy"))
}

/// What the victim says of itself, then the object that is at fault, then the node that is the closest to taking a pod.
fn steps(cx: &Context<'_>, finding: &Finding) -> Vec<Step> {
    let first = |kind: Kind| finding.victims().find(|victim| victim.kind == kind.name());
    let victim = first(Kind::Pod).or_else(|| first(Kind::PersistentVolumeClaim));
    let mut objects: Vec<&ObjectRef> = victim.into_iter().chain([&finding.object]).collect();
    objects.dedup();
    objects.retain(|object| was_read(cx, object));
    let node = victim.and_then(|victim| closest(cx, victim));
    let told = objects.into_iter().chain(&node).filter_map(|object| {
        let command = describe(object)?;
        let what = match object.kind.as_str() {
            "Node" => format!("Read what node {} has and holds, the closest to taking the pod", object.name),
            _ => format!("Read the state and the events of {} {}", object.kind, object.name),
        };
        Some(Step { command: Some(command), ..Step::told(what) })
    });
    told.collect()
}

fn was_read(cx: &Context<'_>, object: &ObjectRef) -> bool {
    let kind = Kind::ALL.iter().copied().find(|kind| kind.name() == object.kind);
    kind.is_some_and(|kind| cx.snapshot.contains(kind, &object.namespace, &object.name))
}

/// The node that is the closest to taking a pod, where nodes are what keeps it.
fn closest(cx: &Context<'_>, pod: &ObjectRef) -> Option<ObjectRef> {
    let group = cx.blocked().find(|group| group.objects().contains(pod))?;
    let way = cx.in_the_way(group);
    if !way.of_pod.is_empty() {
        return None;
    }
    let node = way.closest().next()?.nodes.first()?;
    Some(ObjectRef::new(Kind::Node, "", node))
}
