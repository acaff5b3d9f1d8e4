//! What has come of the commands, as the real scheduler and the real controllers say.

use serde_json::Value;

use super::report::text;
use super::scene::Then;
use super::stage::Stage;

impl Then {
    /// What is missing still; `None` where it has come about.
    pub fn missing(&self, stage: &Stage) -> Option<String> {
        match self {
            Then::Placed { namespace, name } => {
                missing(&stage.list(&format!("/api/v1/namespaces/{namespace}/pods")), name, |pod| {
                    pod["spec"]["nodeName"].is_string()
                })
            }
            Then::Bound { namespace, name } => {
                missing(&claims(stage, namespace), name, |claim| claim["status"]["phase"] == "Bound")
            }
            Then::Blocked => None,
        }
    }
}

fn claims(stage: &Stage, namespace: &str) -> Vec<Value> {
    stage.list(&format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims"))
}

/// Every object of the name must be as wanted, and there must be one.
fn missing(objects: &[Value], name: &str, wanted: impl Fn(&Value) -> bool) -> Option<String> {
    let called = |object: &&Value| match name.strip_suffix('*') {
        Some(start) => text(&object["metadata"]["name"]).starts_with(start),
        None => object["metadata"]["name"] == name,
    };
    let mut named = objects.iter().filter(called).peekable();
    if named.peek().is_none() {
        return Some(format!("there is no {name}"));
    }
    let other = named.find(|object| !wanted(object) || object["metadata"]["deletionTimestamp"].is_string())?;
    Some(format!("{} waits: {}", text(&other["metadata"]["name"]), other["status"]))
}
