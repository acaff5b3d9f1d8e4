//! What documents name and is not there, or only comes later: namespaces, accounts, and classes of priority and runtime.

use serde_json::{Value, json};

use super::super::cluster::namespace;
use super::super::plan::{Part, Plan};
use super::look::Look;
use crate::diagnosis::command;
use crate::diagnosis::remedy::{Change, Risk, Step};
use crate::diagnosis::text::near;
use crate::model::Kind;
use crate::preflight::fields::name_of;
use crate::preflight::server::missing_account;

/// What is missing.
struct Missing<'m> {
    kind: &'static str,
    name: &'m str,
    /// The field of the pod that names it; `None` for the namespace.
    field: Option<&'static str>,
}

fn missing<'m>(look: &Look<'m>) -> Option<Missing<'m>> {
    let message = look.message;
    if let Some(rest) = message.strip_prefix("namespaces \"") {
        let name = rest.strip_suffix("\" not found")?;
        return Some(Missing { kind: "Namespace", name, field: None });
    }
    let between = |start: &str, end: &str| Some(message.split_once(start)?.1.split_once(end)?.0);
    let of = |kind, field, name| Missing { kind, name, field: Some(field) };
    between("no PriorityClass with name ", " was found")
        .map(|name| of("PriorityClass", "priorityClassName", name))
        .or_else(|| between("RuntimeClass \"", "\" not found").map(|name| of("RuntimeClass", "runtimeClassName", name)))
        .or_else(|| missing_account(message).map(|name| of("ServiceAccount", "serviceAccountName", name)))
}

/// What is missing comes with a document further down, which goes up.
pub(super) fn moved(look: &Look<'_>) -> Option<Plan> {
    let Missing { kind, name, .. } = missing(look)?;
    let document = look.document_of(kind, name).filter(|document| *document > look.document)?;
    let title = format!("Apply {kind} {name} before what names it");
    Some(Plan::new(title, Risk::Low, vec![Part::Move { document, before: look.document }]))
}

/// One that is there and has a name that is close.
pub(super) fn meant(look: &Look<'_>) -> Option<Plan> {
    let Missing { kind, name, field } = missing(look)?;
    let pointer = format!("{}/{}", look.pod_spec()?, field?);
    let namespace = (kind == "ServiceAccount").then(|| look.namespace());
    let mut names: Vec<&str> = look.world.list(kind, namespace).map(name_of).collect();
    if kind == "PriorityClass" {
        names.extend(["system-node-critical", "system-cluster-critical"]);
    }
    let meant = near(name, names)?;
    let part = look.field_if(pointer, Some(json!(meant)), &format!("if that is what {name} means"));
    Some(Plan::new(format!("Name {kind} {meant}"), Risk::Low, vec![part]))
}

/// The object is created before the documents are applied.
pub(super) fn created(look: &Look<'_>) -> Option<Plan> {
    let object = new(look)?;
    let name = name_of(&object);
    let (kind, resource, flags) = match object["kind"].as_str()? {
        "Namespace" => (Kind::Namespace, "namespace", Vec::new()),
        _ => (Kind::ServiceAccount, "serviceaccount", vec![("-n", look.namespace())]),
    };
    let what = format!("Create {resource} {name} before the manifests are applied");
    let command = command::kubectl(&["create", resource], &[name], &flags);
    command.as_ref()?;
    let change = Some(Change::Create { kind, object: object.clone(), ask: None });
    let step = Step { what, change, command, ..Step::default() };
    Some(Plan::new(format!("Create {resource} {name}"), Risk::Low, vec![Part::Command(Box::new(step))]))
}

/// The object comes with a document of its own.
pub(super) fn documented(look: &Look<'_>) -> Option<Plan> {
    let object = new(look)?;
    let title = format!("Have {} {} among the manifests", object["kind"].as_str()?, name_of(&object));
    Some(Plan::new(title, Risk::Low, vec![Part::Insert { before: look.document, object }]))
}

/// What is missing and needs nothing but its name, unless a document has it.
fn new(look: &Look<'_>) -> Option<Value> {
    let Missing { kind, name, .. } = missing(look)?;
    if look.document_of(kind, name).is_some() {
        return None;
    }
    match kind {
        "Namespace" => Some(namespace(name)),
        "ServiceAccount" => Some(json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": look.namespace()}})),
        _ => None,
    }
}

/// The pod does without the class.
pub(super) fn dropped(look: &Look<'_>) -> Option<Plan> {
    let Missing { kind, name, field } = missing(look)?;
    let pointer = format!("{}/{}", look.pod_spec()?, field?);
    let note = match kind {
        "PriorityClass" => "if its pods may have the default priority",
        "RuntimeClass" => "if its containers may run without the sandbox that the class stands for",
        _ => return None,
    };
    look.object.pointer(&pointer)?;
    let part = look.field_if(pointer, None, note);
    Some(Plan::new(format!("Do without {kind} {name}"), Risk::Medium, vec![part]))
}
