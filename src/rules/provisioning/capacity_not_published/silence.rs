//! Why a provisioner publishes no capacity.

use crate::dependencies::Part;
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Evidence;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::ObjectRef;
use crate::model::component::Role;
use crate::model::pod::Container;
use crate::rules::drivers::trouble::trouble;
use crate::rules::provisioning::outdated::{Work, outdated};

/// Seconds within which a provisioner may start before it counts as down.
const PATIENCE: i64 = 60;
/// The flag of external-provisioner without which it publishes nothing.
const CAPACITY_FLAG: &str = "enable-capacity";

/// Why a provisioner publishes nothing.
pub(super) struct Silence {
    /// As a clause that names it.
    pub(super) text: String,
    pub(super) facts: Vec<Evidence>,
    /// Its pods, where they don't run.
    pub(super) pods: Vec<ObjectRef>,
    pub(super) remedy: Option<Remedy>,
}

/// Why a provisioner publishes nothing: it doesn't run, it isn't told to, or it is too old for the server.
pub(super) fn silence(cx: &Context<'_>, part: &Part<'_>) -> Option<Silence> {
    let pods = part.pods(cx);
    if !pods.is_empty() && !pods.iter().any(|pod| pod.ready()) {
        let trouble = trouble(cx, part, &pods, PATIENCE)?;
        let text = format!("{} {}", part.words(), trouble.text);
        let pods = trouble.pods.into_iter().map(pod_ref).collect();
        return Some(Silence { text, facts: trouble.facts, pods, remedy: trouble.remedy });
    }
    if let Some(old) = outdated(cx, part, Work::Capacity) {
        let reason = "what the provisioner publishes then is not known";
        let remedy = Remedy::untried("Upgrade the provisioner", Risk::Low, vec![Step::told(old.cure)], reason);
        return Some(Silence { text: old.text, facts: vec![old.fact], pods: Vec::new(), remedy: Some(remedy) });
    }
    let containers = part.spec.containers.iter().filter(|it| it.role() == Some(Role::Provisioner));
    let told: Vec<&Container> = containers.filter(|container| !container.args.is_empty()).collect();
    let container = told.first().filter(|_| told.iter().all(|container| container.flag(CAPACITY_FLAG).is_none()))?;
    let (object, path) = part.place(&format!("containers[{}].args", container.name));
    let text = format!("{} runs its {} without --{CAPACITY_FLAG}", part.words(), container.name);
    let fact = Context::fact(object, &path, format!("no --{CAPACITY_FLAG}"), "only with it capacity is published");
    Some(Silence { text, facts: vec![fact], pods: Vec::new(), remedy: Some(publish(part, &container.name)) })
}

/// The flag that makes a provisioner publish.
fn publish(part: &Part<'_>, container: &str) -> Remedy {
    let what = format!(
        "Give container {container} of {} the arguments --{CAPACITY_FLAG} and --capacity-ownerref-level=2, with the variables \
         NAMESPACE and POD_NAME and the right to write CSIStorageCapacities; charts have a value for that",
        part.words()
    );
    let reason = "what the provisioner would publish is not known";
    Remedy::untried("Have the provisioner publish", Risk::Low, vec![Step::told(what)], reason)
}
