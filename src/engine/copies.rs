//! Deletions are preceded by the command that keeps a copy of what goes.

use crate::diagnosis::Finding;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Step};

/// Adds the step before every deletion of every repair.
pub(super) fn keep(cx: &Context<'_>, findings: &mut [Finding]) {
    for remedy in findings.iter_mut().flat_map(|finding| &mut finding.remedies) {
        let steps = std::mem::take(&mut remedy.steps);
        for step in steps {
            remedy.steps.extend(copy(cx, &step));
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
