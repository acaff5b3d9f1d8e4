//! Deletions are preceded by the command that keeps a copy of what goes, and every step has its way back.

use crate::diagnosis::Finding;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Step};
use crate::diagnosis::undo;

/// Adds the step before every deletion of every repair, and to each step what takes it back. This is done of the repairs
/// that are told, and not of all that the search tries.
pub(super) fn keep(cx: &Context<'_>, findings: &mut [Finding]) {
    for remedy in findings.iter_mut().flat_map(|finding| &mut finding.remedies) {
        let steps = std::mem::take(&mut remedy.steps);
        for mut step in steps {
            remedy.steps.extend(copy(cx, &step));
            step.undo = step.undo.or_else(|| undo::command(cx.snapshot, step.change.as_ref()?));
            remedy.steps.push(step);
        }
    }
}

fn copy(cx: &Context<'_>, step: &Step) -> Option<Step> {
    let Some(Change::Delete { kind, namespace, name }) = &step.change else { return None };
    let keep = Change::Keep { kind: *kind, namespace: namespace.clone(), name: name.clone() };
    let copy = cx.step(format!("Keep a copy of {kind} {name}"), keep);
    copy.command.is_some().then_some(Step { later: step.later, ..copy })
}
