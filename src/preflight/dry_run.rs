//! What the server itself says of documents: which it is asked about, and what its answers settle.

use serde_json::Value;

use super::fields::{kind_of, list};
use super::judged::WORKLOADS;
use super::manifests::Document;
use super::run::{Input, world};
use super::server::{self, Action, Outcome, Request};
use super::unjudged;
use super::world::{Key, World};
use crate::model::version::Version;
use crate::source::dry_run::{Answered, Reply, Subject};

/// The first release whose servers are sure to heed `dryRun` (it became stable then).
const HEEDS: Version = Version::new(1, 18);
/// Fields told of an object that the server made another one.
const MOST_CHANGES: usize = 20;

/// What the server said of a document, and what came of that.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServerResult {
    /// `None` where it wasn't asked or didn't say.
    pub(crate) admitted: Option<bool>,
    /// The server's words where it refuses the document, or why it said nothing.
    pub(crate) message: Option<String>,
    /// Whether the document's answer is the server's.
    pub(crate) decides: bool,
    /// Whether the server says otherwise than was worked out, where that could be.
    pub(crate) differs: bool,
    /// Fields of the pods' template that the server's object has otherwise.
    pub(crate) changed: Vec<String>,
}

pub(crate) use server::patch;

/// What the server is to be asked about each document, or why it isn't.
pub(crate) fn plan(input: &Input) -> Vec<Result<Subject, String>> {
    let Input { snapshot, documents, namespace, changes, options, .. } = input;
    let version = options.version(snapshot);
    let named = snapshot.server_version.as_deref().and_then(Version::named_by);
    if named.is_none_or(|named| named < HEEDS) {
        let why = "the server doesn't say that its release is 1.18 or later, and older ones might store what they try";
        return documents.iter().map(|_| Err(why.to_owned())).collect();
    }
    let world = world(snapshot, input.raw.clone(), namespace);
    let key = |document: &Document| server::key(&world, &document.object, namespace);
    let mut before: Vec<Key> = changes.deleted.iter().map(key).collect();
    let mut plan = Vec::with_capacity(documents.len());
    for document in documents {
        plan.push(ask(&world, document, (namespace, version), &before));
        let unchanged = || {
            let object = document.object.clone();
            server::request(&world, Request::Apply, object, namespace, version).action == Action::None
        };
        if !has_say(&key(document)) || !unchanged() {
            before.push(key(document));
        }
    }
    plan
}

fn ask(
    world: &World,
    document: &Document,
    (namespace, version): (&str, Version),
    before: &[Key],
) -> Result<Subject, String> {
    if !unjudged::judged(&document.object) {
        return Err("only kinds that pods, claims and volumes depend on are sent".to_owned());
    }
    let own = server::key(world, &document.object, namespace);
    if let Some(earlier) = before.iter().find(|earlier| concerns(earlier, &own)) {
        return Err(format!("{} {} comes or goes before it, which the server can't try", earlier.kind, earlier.name));
    }
    server::subject(world, &document.object, namespace, version)
}

/// Kinds whose objects have a say in what the server answers for others.
fn has_say(key: &Key) -> bool {
    matches!(
        key.kind.as_str(),
        "Namespace"
            | "MutatingWebhookConfiguration"
            | "ValidatingWebhookConfiguration"
            | "MutatingAdmissionPolicy"
            | "MutatingAdmissionPolicyBinding"
            | "ValidatingAdmissionPolicy"
            | "ValidatingAdmissionPolicyBinding"
            | "ResourceQuota"
            | "LimitRange"
            | "ServiceAccount"
            | "PriorityClass"
            | "RuntimeClass"
            | "StorageClass"
            | "VolumeAttributesClass"
    )
}

/// Whether what comes of one object depends on another.
fn concerns(earlier: &Key, own: &Key) -> bool {
    if earlier == own {
        return true;
    }
    let near = earlier.namespace == own.namespace;
    let (pod, claim) = (own.kind == "Pod", own.kind == "PersistentVolumeClaim");
    match earlier.kind.as_str() {
        "Namespace" => own.namespace.as_ref() == Some(&earlier.name),
        "ResourceQuota" => near,
        "LimitRange" => near && (pod || claim),
        "ServiceAccount" => near && pod,
        "PriorityClass" | "RuntimeClass" => pod,
        "StorageClass" | "VolumeAttributesClass" => claim,
        _ => has_say(earlier),
    }
}

/// An outcome with what the server said of it.
pub(super) struct Heeded {
    pub(super) action: Action,
    pub(super) outcome: Outcome,
    pub(super) warnings: Vec<String>,
    pub(super) result: ServerResult,
}

/// What was worked out for a document.
pub(super) struct Foreseen<'a> {
    pub(super) action: Action,
    pub(super) outcome: Outcome,
    pub(super) warnings: Vec<String>,
    /// Whether something before it may have given back what quotas count.
    pub(super) freed: bool,
    /// What it comes to where no webhook has a say.
    pub(super) plain: &'a dyn Fn() -> Outcome,
}

/// Has the server's answer count. Only what earlier documents take of quotas, or what was deleted before them gives back,
/// is known better here: the server tries each by itself.
pub(super) fn heed(foreseen: Foreseen<'_>, answered: &Answered) -> Heeded {
    let Foreseen { action, outcome, mut warnings, freed, plain } = foreseen;
    let sent = if answered.live.is_some() { Action::Update } else { Action::Create };
    let told = match &answered.reply {
        Reply::Taken { warnings, .. } | Reply::Refused { warnings, .. } => warnings.as_slice(),
        Reply::Unchanged | Reply::Silent(_) => &[],
    };
    let new: Vec<String> = told.iter().filter(|warning| !warnings.contains(warning)).cloned().collect();
    warnings.extend(new);
    match &answered.reply {
        Reply::Silent(why) => {
            Heeded { action, outcome, warnings, result: result((None, Some(why)), false, false, Vec::new()) }
        }
        Reply::Unchanged => {
            let differs = matches!(&outcome, Outcome::Refused(_));
            Heeded { action, outcome, warnings, result: result((Some(true), None), false, differs, Vec::new()) }
        }
        Reply::Refused { message, .. } => {
            let own = freed && matches!(&outcome, Outcome::Admitted(_)) && of_quota(message);
            let differs = match &outcome {
                Outcome::Admitted(_) => true,
                Outcome::Refused(own) => own != message,
                Outcome::Unknown(_) => false,
            };
            let result = result((Some(false), Some(message)), !own, differs, Vec::new());
            let outcome = if own { outcome } else { Outcome::Refused(message.clone()) };
            Heeded { action, outcome, warnings, result }
        }
        Reply::Taken { object, .. } => {
            let differs = matches!(&outcome, Outcome::Refused(_));
            if matches!(&outcome, Outcome::Refused(own) if of_quota(own)) {
                let result = result((Some(true), None), false, true, Vec::new());
                return Heeded { action, outcome, warnings, result };
            }
            let (outcome, changed) = taken(outcome, object, plain);
            Heeded { action: sent, outcome, warnings, result: result((Some(true), None), true, differs, changed) }
        }
    }
}

fn result(
    (admitted, message): (Option<bool>, Option<&String>),
    decides: bool,
    differs: bool,
    changed: Vec<String>,
) -> ServerResult {
    ServerResult { admitted, message: message.cloned(), decides, differs, changed }
}

/// Workloads and pods are judged by the server's object, and whatever wasn't known.
fn taken(outcome: Outcome, object: &Value, plain: &dyn Fn() -> Outcome) -> (Outcome, Vec<String>) {
    let theirs = || Outcome::Admitted(Box::new(object.clone()));
    if !WORKLOADS.contains(&kind_of(object)) {
        return (if matches!(outcome, Outcome::Admitted(_)) { outcome } else { theirs() }, Vec::new());
    }
    let own = match outcome {
        Outcome::Admitted(own) => Some(own),
        _ => match plain() {
            Outcome::Admitted(own) => Some(own),
            _ => None,
        },
    };
    (theirs(), own.map(|own| changes(&own, object)).unwrap_or_default())
}

/// Whether a quota is why something is refused (`plugin/resourcequota`, CheckRequest).
fn of_quota(message: &str) -> bool {
    message.contains("exceeded quota: ")
}

/// The fields of a workload's pods in which two objects differ.
fn changes(own: &Value, theirs: &Value) -> Vec<String> {
    let place = match kind_of(own) {
        "Pod" => "spec",
        "CronJob" => "spec.jobTemplate.spec.template.spec",
        _ => "spec.template.spec",
    };
    let pointer = format!("/{}", place.replace('.', "/"));
    let mut found = Vec::new();
    if let (Some(own), Some(theirs)) = (own.pointer(&pointer), theirs.pointer(&pointer)) {
        differences(own, &without_tokens(theirs), place, &mut found);
    }
    found.truncate(MOST_CHANGES);
    found
}

/// A pod's spec without the token that every pod is given (`plugin/pkg/admission/serviceaccount`), which takes no room.
fn without_tokens(spec: &Value) -> Value {
    const TOKEN: &str = "kube-api-access-";
    let mut spec = spec.clone();
    let token = |entry: &Value| entry["name"].as_str().is_some_and(|name| name.starts_with(TOKEN));
    let drop = |holder: &mut Value, field: &str| {
        let Some(fields) = holder.as_object_mut() else { return };
        let Some(entries) = fields.get_mut(field).and_then(Value::as_array_mut) else { return };
        entries.retain(|entry| !token(entry));
        if entries.is_empty() {
            fields.remove(field);
        }
    };
    drop(&mut spec, "volumes");
    for containers in ["containers", "initContainers"] {
        let count = list(&spec, &format!("/{containers}")).len();
        (0..count).for_each(|index| drop(&mut spec[containers][index], "volumeMounts"));
    }
    spec
}

/// The paths below which two values differ.
fn differences(own: &Value, theirs: &Value, path: &str, found: &mut Vec<String>) {
    match (own, theirs) {
        _ if own == theirs || found.len() >= MOST_CHANGES => {}
        (Value::Object(own), Value::Object(theirs)) => {
            let names = own.keys().chain(theirs.keys().filter(|name| !own.contains_key(*name)));
            for name in names {
                let (own, theirs) = (own.get(name).unwrap_or(&Value::Null), theirs.get(name).unwrap_or(&Value::Null));
                differences(own, theirs, &format!("{path}.{name}"), found);
            }
        }
        (Value::Array(own), Value::Array(theirs)) => {
            for index in 0..own.len().max(theirs.len()) {
                let (own, theirs) = (own.get(index).unwrap_or(&Value::Null), theirs.get(index).unwrap_or(&Value::Null));
                differences(own, theirs, &format!("{path}[{index}]"), found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUOTA: &str =
        "pods \"a\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1";

    fn heeded(outcome: Outcome, reply: Reply, freed: bool) -> Heeded {
        let plain = || Outcome::Unknown(String::new());
        let foreseen =
            Foreseen { action: Action::Create, outcome, warnings: vec!["w".to_owned()], freed, plain: &plain };
        heed(foreseen, &Answered { reply, live: None })
    }

    fn admitted() -> Outcome {
        Outcome::Admitted(Box::new(json!({"kind": "Pod", "spec": {"priority": 0}})))
    }

    fn refused(message: &str) -> Reply {
        Reply::Refused { message: message.to_owned(), warnings: vec!["w".to_owned(), "new".to_owned()] }
    }

    #[test]
    fn the_servers_refusal_counts_and_its_warnings_are_added() {
        for outcome in [admitted(), Outcome::Unknown("why".to_owned()), Outcome::Refused("otherwise".to_owned())] {
            let told = heeded(outcome, refused("no"), false);
            assert_eq!(told.outcome, Outcome::Refused("no".to_owned()));
            assert_eq!(told.warnings, ["w", "new"]);
            assert!(told.result.decides);
        }
        assert!(!heeded(Outcome::Refused("no".to_owned()), refused("no"), false).result.differs);
    }

    #[test]
    fn what_earlier_documents_do_to_quotas_is_reckoned_here() {
        let taken = || Reply::Taken { object: json!({"kind": "Pod"}), warnings: Vec::new() };
        let told = heeded(Outcome::Refused(QUOTA.to_owned()), taken(), false);
        assert_eq!(told.outcome, Outcome::Refused(QUOTA.to_owned()));
        assert!(told.result.differs && !told.result.decides);
        assert!(matches!(heeded(admitted(), refused(QUOTA), true).outcome, Outcome::Admitted(_)));
        assert_eq!(heeded(admitted(), refused(QUOTA), false).outcome, Outcome::Refused(QUOTA.to_owned()));
        assert!(matches!(heeded(Outcome::Refused("no".to_owned()), taken(), false).outcome, Outcome::Admitted(_)));
    }

    #[test]
    fn what_the_server_makes_of_pods_is_told_field_by_field_without_their_tokens() {
        let theirs = json!({"kind": "Pod", "spec": {"priority": 5, "nodeSelector": {"disk": "ssd"},
            "containers": [{"name": "a", "volumeMounts": [{"name": "kube-api-access-x"}]}, {"name": "proxy"}],
            "volumes": [{"name": "kube-api-access-x"}]}});
        let own =
            Outcome::Admitted(Box::new(json!({"kind": "Pod", "spec": {"priority": 0, "containers": [{"name": "a"}]}})));
        let told = heeded(own, Reply::Taken { object: theirs.clone(), warnings: Vec::new() }, false);
        assert_eq!(told.outcome, Outcome::Admitted(Box::new(theirs)));
        assert_eq!(told.result.changed, ["spec.containers[1]", "spec.priority", "spec.nodeSelector"]);
    }

    #[test]
    fn silence_changes_nothing() {
        let told = heeded(Outcome::Unknown("why".to_owned()), Reply::Silent("late".to_owned()), false);
        assert_eq!(told.outcome, Outcome::Unknown("why".to_owned()));
        assert_eq!((told.result.admitted, told.result.message.as_deref()), (None, Some("late")));
    }

    #[test]
    fn what_hangs_on_an_earlier_document_is_told_from_what_does_not() {
        let key = |kind: &str, namespace: Option<&str>, name: &str| Key {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        let (pod, set) = (key("Pod", Some("app"), "p"), key("Deployment", Some("app"), "d"));
        for (earlier, concerned) in [
            (key("Namespace", None, "app"), (true, true)),
            (key("Namespace", None, "other"), (false, false)),
            (key("ServiceAccount", Some("app"), "s"), (true, false)),
            (key("ResourceQuota", Some("app"), "q"), (true, true)),
            (key("ResourceQuota", Some("other"), "q"), (false, false)),
            (key("PriorityClass", None, "c"), (true, false)),
            (key("MutatingWebhookConfiguration", None, "m"), (true, true)),
            (key("Service", Some("app"), "s"), (false, false)),
            (pod.clone(), (true, false)),
        ] {
            assert_eq!((concerns(&earlier, &pod), concerns(&earlier, &set)), concerned, "{earlier:?}");
        }
    }
}
