//! Where to look next, for causes whose repair no command can make.

use super::command::describe;
use super::context::Context;
use super::finding::{Finding, Severity};
use super::remedy::{Remedy, Risk, Step};
use crate::model::{Kind, ObjectRef};

/// Why looking isn't tried.
pub(crate) const CHANGES_NOTHING: &str = "it changes nothing";

/// Gives each error and warning without a command one that shows more.
pub(crate) fn add(cx: &Context<'_>, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.severity < Severity::Info && !leads_on(finding)) {
        let first = |kind: Kind| finding.victims().find(|victim| victim.kind == kind.name());
        let victim = first(Kind::Pod).or_else(|| first(Kind::PersistentVolumeClaim));
        let objects = victim.into_iter().chain([&finding.object]).filter(|object| was_read(cx, object)).take(1);
        let objects: Vec<ObjectRef> = objects.cloned().collect();
        finding.remedies.extend(closer(cx, objects));
    }
}

/// Whether a step has a command of another program than this one.
fn leads_on(finding: &Finding) -> bool {
    let mut commands =
        finding.remedies.iter().flat_map(|remedy| &remedy.steps).filter_map(|step| step.command.as_ref());
    commands.any(|command| !command.starts_with("kubectl storagewhy"))
}

/// The commands that show objects, of those that are there: first what a victim says of itself, then what is at fault.
pub(crate) fn closer(cx: &Context<'_>, mut objects: Vec<ObjectRef>) -> Option<Remedy> {
    objects.dedup();
    objects.retain(|object| was_read(cx, object));
    let steps: Vec<Step> = objects.iter().filter_map(step).collect();
    (!steps.is_empty()).then(|| Remedy::untried("Look closer", Risk::Low, steps, CHANGES_NOTHING))
}

fn step(object: &ObjectRef) -> Option<Step> {
    let what = match object.kind.as_str() {
        "Node" => format!("Read what node {} has and holds", object.name),
        _ => format!("Read the state and the events of {} {}", object.kind, object.name),
    };
    Some(Step { command: Some(describe(object)?), ..Step::told(what) })
}

fn was_read(cx: &Context<'_>, object: &ObjectRef) -> bool {
    let kind = Kind::named(&object.kind);
    kind.is_some_and(|kind| cx.snapshot.contains(kind, &object.namespace, &object.name))
}
