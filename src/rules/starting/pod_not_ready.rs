use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::text::natural_order;
use crate::diagnosis::who::Who;
use crate::model::{Kind, ObjectRef, Pod, Workload};

crate::rules::declare_rule! {
    static RULE = {
        name: "pod-not-ready",
        summary: "Pods of a StatefulSet run without being ready; nothing about volumes or placement is wrong with them.",
        severity: Info,
        since: "0.1.0",
        needs: [Pod, StatefulSet],
        stage: Wait,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    for set in cx.sets_in_scope() {
        let meta = &set.metadata;
        let pods = cx.index.owned("StatefulSet", &meta.namespace, &meta.name).iter().copied();
        let mut unready: Vec<&Pod> = pods.filter(|pod| runs_unready(pod) && !out.explained(&pod_ref(pod))).collect();
        if !unready.is_empty() {
            unready.sort_by(|a, b| natural_order(&a.metadata.name, &b.metadata.name));
            out.add(finding(set, &unready));
        }
    }
}

fn runs_unready(pod: &Pod) -> bool {
    pod.assigned() && pod.status.phase == "Running" && !pod.ready() && !pod.metadata.deleting()
}

fn finding(set: &Workload, pods: &[&Pod]) -> Finding {
    let names: Vec<&str> = pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
    let (path, value, note) = why_not_ready(pods[0]);
    let who = Who::new("pod", &names);
    let title = format!("{} and {} not ready: {note}", who.does("run"), who.verb("are"));
    let meta = &set.metadata;
    RULE.finding(ObjectRef::new(Kind::StatefulSet, &meta.namespace, &meta.name), title)
        .evidence(pod_ref(pods[0]), path, value, note)
        .explains_all(pods.iter().map(|pod| pod_ref(pod)))
}

/// What a pod that isn't ready waits for: the field, what it holds, and what that means.
pub(in crate::rules) fn why_not_ready(pod: &Pod) -> (String, String, String) {
    let label = |name: &str| pod.metadata.labels.get(name).map(String::as_str);
    if label("vault-initialized") == Some("false") {
        let note = "Vault is up but not initialised: run vault operator init, then unseal it".to_owned();
        return ("metadata.labels[vault-initialized]".to_owned(), "false".to_owned(), note);
    }
    if label("vault-sealed") == Some("true") {
        let note = "Vault is up but sealed: run vault operator unseal".to_owned();
        return ("metadata.labels[vault-sealed]".to_owned(), "true".to_owned(), note);
    }
    let vault = label("app.kubernetes.io/name") == Some("vault");
    for (field, statuses) in [
        ("initContainerStatuses", &pod.status.init_container_statuses),
        ("containerStatuses", &pod.status.container_statuses),
    ] {
        if let Some(status) = statuses.iter().find(|status| !status.ready && status.state.terminated.is_none()) {
            let path = format!("status.{field}[{}]", status.name);
            if let Some(waiting) = &status.state.waiting {
                return (path, waiting.reason.clone(), format!("container {} does not run", status.name));
            }
            let note = match vault {
                true => "Vault is up and does not serve: it is sealed or not initialised".to_owned(),
                false => format!("container {} runs and its readiness probe fails", status.name),
            };
            return (path, "running, not ready".to_owned(), note);
        }
    }
    let ready = pod.condition("Ready");
    let value = ready.map_or_else(|| "no Ready condition".to_owned(), |ready| format!("Ready: {}", ready.status));
    let note = match (vault && pod.status.phase == "Running", ready.map(|ready| ready.message.as_str())) {
        (true, _) => "Vault is up and does not serve: it is sealed or not initialised".to_owned(),
        (false, Some(message)) if !message.is_empty() => message.to_owned(),
        (false, _) if pod.assigned() => "the pod runs and is not ready".to_owned(),
        (false, _) => "the pod is not placed yet".to_owned(),
    };
    ("status.conditions[Ready]".to_owned(), value, note)
}
