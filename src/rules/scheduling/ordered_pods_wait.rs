use crate::admission::expand::ordinal_of;
use crate::diagnosis::context::{Context, Shortfall, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::out::Out;
use crate::diagnosis::text::{either, named};
use crate::diagnosis::who::Who;
use crate::model::{Kind, ObjectRef, Pod, Workload};
use crate::rules::starting::pod_not_ready::why_not_ready;

crate::rules::declare_rule! {
    static RULE = {
        name: "ordered-pods-wait",
        summary: "Pods of a StatefulSet don't exist yet because an earlier one isn't ready.",
        severity: Info,
        since: "0.1.0",
        needs: [Pod, StatefulSet],
        stage: Wait,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    for shortfall in cx.shortfalls.iter().filter(|shortfall| shortfall.kind == Kind::StatefulSet) {
        let set = cx.snapshot.stateful_sets.get(&shortfall.meta.namespace, &shortfall.meta.name).found();
        let Some(set) = set.filter(|set| set.ordered()) else { continue };
        if let Some((holder, waiting)) = holder(set, shortfall) {
            tie(set, holder, &waiting, out);
        }
    }
}

/// The first pod of the set that isn't ready, and the names of those after it that don't exist.
pub(in crate::rules) fn holder<'a, 's>(
    set: &Workload,
    shortfall: &'s Shortfall<'a>,
) -> Option<(&'a Pod, Vec<&'s str>)> {
    let ordinal = |name: &str| ordinal_of(&set.metadata.name, name);
    let unready = shortfall.pods.iter().filter(|pod| !pod.ready());
    let holder = unready.min_by_key(|pod| ordinal(&pod.metadata.name).unwrap_or(i32::MAX))?;
    let own = ordinal(&holder.metadata.name)?;
    let missing = shortfall.missing.iter().map(String::as_str);
    let after: Vec<&str> = missing.filter(|name| ordinal(name) > Some(own)).take(100).collect();
    (!after.is_empty()).then_some((holder, after))
}

fn tie(set: &Workload, holder: &Pod, waiting: &[&str], out: &mut Out<'_>) {
    let namespace = &set.metadata.namespace;
    let object = ObjectRef::new(Kind::StatefulSet, namespace, &set.metadata.name);
    let pods: Vec<ObjectRef> = waiting.iter().map(|name| ObjectRef::new(Kind::Pod, namespace, name)).collect();
    let first = &holder.metadata.name;
    let evidence = Evidence {
        object: object.clone(),
        path: "spec.podManagementPolicy".to_owned(),
        value: "OrderedReady".to_owned(),
        note: format!(
            "{} {} not exist yet: the set makes one pod after the other and goes on when {first} is ready",
            named("pod", waiting),
            either(waiting.len(), "does", "do"),
        ),
    };
    let mut tied = false;
    for pod in &pods {
        tied |= out.explain_with(&pod_ref(holder), pod);
    }
    if tied {
        out.note(&pod_ref(holder), evidence);
        return;
    }
    let title = format!(
        "{} made once {first} is ready: StatefulSet {} makes one pod after the other",
        Who::new("pod", waiting).does("are"),
        set.metadata.name,
    );
    let mut finding = RULE.finding(object, title);
    finding.evidence.push(evidence);
    let (path, value, note) = why_not_ready(holder);
    out.add(finding.evidence(pod_ref(holder), path, value, note).explains_all(pods));
}
