//! What the API server makes of a request: conversion, defaults, admission, validation, immutable fields and the patch
//! of `kubectl apply`.

mod admission;
pub(crate) mod amount;
mod apply;
mod cel;
mod create;
mod decode;
mod defaults;
mod dry_run;
mod field;
pub(super) mod json;
mod kinds;
mod pod;
mod prepare_claim;
mod prepare_pod;
mod scope;
mod usage;
mod validation;

pub(super) use admission::missing_account;

use serde_json::Value;

use super::world::{Key, World};
use crate::model::version::Version;
pub(crate) use dry_run::{patch, subject};
use kinds::{Resource, Served};
pub(crate) use kinds::{built_in_versions, split};

/// What the API server answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// What was asked of the server in the end.
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    /// The `Warning` headers that come with it, in the server's order.
    pub(crate) warnings: Vec<String>,
    /// Kinds that could not be read and whose objects could have made the answer another one, each with its plural.
    pub(crate) unread: Vec<(&'static str, &'static str)>,
}

/// What a request comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The object doesn't exist and is posted.
    Create,
    /// The object exists and is patched.
    Update,
    /// The object exists and the patch is empty.
    None,
}

/// Whether a request is admitted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The object as it would be stored.
    Admitted(Box<Value>),
    /// `Status.message`, or kubectl's words where no request can be sent.
    Refused(String),
    /// Whether it is admitted can't be known: why, and what would settle it.
    Unknown(String),
}

/// Who asks: kubectl for a document, or a controller for a pod or claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// POST of a new object.
    Create,
    /// What `kubectl apply` does: a POST where the object doesn't exist, else a patch.
    Apply,
    /// The same, as if no webhook and no mutating policy were there.
    ApplyUnhooked,
}

/// What the API server of a release makes of a request. The world is not changed: the caller stores what is admitted
/// ([`World::put`] under [`key`]) and then charges it to the quotas ([`charge`]).
pub(crate) fn request(
    world: &World,
    request: Request,
    mut object: Value,
    default_namespace: &str,
    version: Version,
) -> Answer {
    let mut warnings = Vec::new();
    let stopped = |outcome| Answer { action: Action::Create, outcome, warnings: Vec::new(), unread: Vec::new() };
    let resource = match resource_of(world, &object, version) {
        Served::Yes(resource) => resource,
        Served::No => return stopped(Outcome::Refused(no_matches(&object))),
        Served::Unknown(why) => return stopped(Outcome::Unknown(why)),
    };
    place(&resource, &mut object, default_namespace);
    let unread = unread(world, &resource, &object);
    if request == Request::Create {
        let result = create::create((world, request), &resource, object, version, &mut warnings);
        return Answer { action: Action::Create, outcome: outcome(result), warnings, unread };
    }
    let at = key(world, &object, default_namespace);
    let Some(live) = world.get(&at.kind, at.namespace.as_deref(), &at.name) else {
        if let Some(why) = unknown(world, &resource, &at.name) {
            return stopped(Outcome::Unknown(why));
        }
        let result = create::create((world, request), &resource, apply::annotated(&object), version, &mut warnings);
        return Answer { action: Action::Create, outcome: outcome(result), warnings, unread };
    };
    let patched = apply::patched(&resource, live, &object);
    let result = apply::update::update((world, request), &resource, live, patched, version, &mut warnings);
    match result {
        Ok(None) => {
            Answer { action: Action::None, outcome: Outcome::Admitted(Box::new(live.clone())), warnings, unread }
        }
        Ok(Some(object)) => {
            Answer { action: Action::Update, outcome: Outcome::Admitted(Box::new(object)), warnings, unread }
        }
        Err(stop) => Answer { action: Action::Update, outcome: outcome(Err(stop)), warnings, unread },
    }
}

/// Why it can't be known whether an object exists. For kinds that neither pods nor claims depend on it makes no difference
/// to what is admitted.
fn unknown(world: &World, resource: &Resource, name: &str) -> Option<String> {
    let kind = &resource.kind;
    let core =
        ["Pod", "PersistentVolumeClaim", "PersistentVolume", "Namespace", "LimitRange", "ResourceQuota", "Service"];
    let matters = match resource.group.as_str() {
        "" => core.contains(&kind.as_str()),
        group => ["apps", "batch", "storage.k8s.io", "scheduling.k8s.io", "node.k8s.io"].contains(&group),
    };
    (matters && !world.read(kind)).then(|| {
        let plural = &resource.plural;
        format!("objects of kind {kind} could not be read, so whether {name} exists is not known; `kubectl get {plural}` tells")
    })
}

/// Kinds that have a say in what comes of an object, and that could not be read, each with its plural.
fn unread(world: &World, resource: &Resource, object: &Value) -> Vec<(&'static str, &'static str)> {
    let core = |kind: &str| resource.group.is_empty() && resource.kind == kind;
    let (pod, claim) = (core("Pod"), core("PersistentVolumeClaim"));
    let unclassed = claim && admission::class_of(object).is_none();
    let namespace = json::some_text(object, "/metadata/namespace").filter(|_| resource.namespaced);
    let hidden = namespace.is_some_and(|name| world.get("Namespace", None, name).is_none());
    let kinds = [
        ("LimitRange", "limitranges", pod || claim),
        ("ResourceQuota", "resourcequotas", resource.namespaced),
        ("Namespace", "namespaces", hidden),
        ("PriorityClass", "priorityclasses", pod && json::text(object, "/spec/priorityClassName").is_empty()),
        ("StorageClass", "storageclasses", unclassed),
        ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", true),
        ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", true),
        ("MutatingAdmissionPolicy", "mutatingadmissionpolicies", true),
        ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", true),
        ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", true),
        ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", true),
    ];
    let unread = kinds.into_iter().filter(|(kind, _, asked)| *asked && !world.read(kind));
    unread.map(|(kind, plural, _)| (kind, plural)).collect()
}

fn outcome(result: Result<Value, admission::Stop>) -> Outcome {
    match result {
        Ok(object) => Outcome::Admitted(Box::new(object)),
        Err(admission::Stop::Refused(message)) => Outcome::Refused(message),
        Err(admission::Stop::Unknown(why)) => Outcome::Unknown(why),
    }
}

fn resource_of(world: &World, object: &Value, version: Version) -> Served {
    kinds::served(world, json::text(object, "/apiVersion"), json::text(object, "/kind"), version)
}

/// kubectl's words for a kind that no server knows (`apimachinery/pkg/api/meta`, NoKindMatchError).
fn no_matches(object: &Value) -> String {
    let (kind, version) = (json::text(object, "/kind"), json::text(object, "/apiVersion"));
    format!("no matches for kind {} in version {}", field::quote(kind), field::quote(version))
}

/// Puts an object where its kind belongs: cluster-scoped ones lose a namespace that they name.
fn place(resource: &Resource, object: &mut Value, default_namespace: &str) {
    if !resource.namespaced {
        json::remove(object, "/metadata", "namespace");
    } else if json::text(object, "/metadata/namespace").is_empty() {
        json::set(object, &["metadata", "namespace"], default_namespace);
    }
}

/// Where an object stands in the API: cluster-scoped kinds lose a namespace that they name, others get the default one
/// where they name none. Kinds that aren't known keep what they say.
pub(crate) fn key(world: &World, object: &Value, default_namespace: &str) -> Key {
    let (kind, named) = (json::text(object, "/kind"), json::some_text(object, "/metadata/namespace"));
    let namespaced = kinds::namespaced(world, json::text(object, "/apiVersion"), kind);
    let namespace = match namespaced {
        Some(false) => None,
        Some(true) => Some(named.unwrap_or(default_namespace).to_owned()),
        None => named.map(str::to_owned),
    };
    Key { kind: kind.to_owned(), namespace, name: json::text(object, "/metadata/name").to_owned() }
}

/// The versions in which the server of a release has a built-in kind, as `apiVersion` has them.
pub(crate) fn served_versions(kind: &str, release: Version) -> Vec<String> {
    kinds::versions_of(kind, release)
}

/// Adds what a new object takes to `status.used` of the quotas of its namespace, as the server does when it admits it.
pub(crate) fn charge(world: &mut World, object: &Value, version: Version) {
    if let Served::Yes(resource) = resource_of(world, object, version) {
        admission::resource_quota::charge(world, &resource, object, 1);
        if resource.group.is_empty() && resource.kind == "ResourceQuota" {
            take_stock(world, object, version);
        }
    }
}

/// Lets the quota controller see a quota that is new or changed, with the objects that the world holds.
fn take_stock(world: &mut World, object: &Value, version: Version) {
    let at = key(world, object, "default");
    let Some(mut quota) = world.get(&at.kind, at.namespace.as_deref(), &at.name).cloned() else { return };
    let namespace = at.namespace.as_deref();
    let there = kinds::namespaced_kinds().into_iter().flat_map(|kind| world.list(kind, namespace));
    let known = pod::amounts(&quota, "/status/used");
    count_quota(world, &mut quota, there, version);
    // What was counted before included what the world doesn't hold.
    let kept: Vec<_> = known
        .into_iter()
        .filter(|(name, _)| quota.pointer("/status/hard").is_some_and(|hard| hard.get(name).is_some()))
        .collect();
    kept.into_iter().for_each(|(name, used)| json::set(&mut quota, &["status", "used", &name], used.to_string()));
    world.put(at, quota);
}

/// Takes what an object that is gone took from `status.used` of the quotas of its namespace, as the quota controller
/// does after its deletion.
pub(crate) fn release(world: &mut World, object: &Value, version: Version) {
    if let Served::Yes(resource) = resource_of(world, object, version) {
        admission::resource_quota::charge(world, &resource, object, -1);
    }
}

/// Makes the status of a quota that is new or changed what its spec asks for, as the quota controller does: the usage is
/// counted over the objects of its namespace, the pods that the world doesn't hold included.
pub(crate) fn count_quota<'o>(
    world: &World,
    quota: &mut Value,
    objects: impl Iterator<Item = &'o Value>,
    version: Version,
) {
    let known: Vec<(Resource, &Value)> = objects
        .filter_map(|object| match resource_of(world, object, version) {
            Served::Yes(resource) => Some((resource, object)),
            _ => None,
        })
        .collect();
    admission::resource_quota::count(quota, known.iter().map(|(resource, object)| (resource, *object)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::admission::kit::world;
    use super::*;

    const V: Version = Version::new(1, 36);

    fn app() -> Value {
        json!({"kind": "Namespace", "metadata": {"name": "app"}, "status": {"phase": "Active"}})
    }

    fn refused(world: &World, object: Value) -> String {
        match request(world, Request::Create, object, "default", V).outcome {
            Outcome::Refused(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pod_is_admitted_with_its_defaults() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "app"},
            "spec": {"containers": [{"name": "a", "image": "i", "resources": {"limits": {"cpu": "1000m"}}}]}});
        let answer = request(&world(&[app()]), Request::Create, pod, "default", V);
        let Outcome::Admitted(pod) = answer.outcome else { panic!("{answer:?}") };
        assert_eq!(pod["spec"]["containers"][0]["resources"]["requests"], json!({"cpu": "1"}));
        assert_eq!(pod["spec"]["priority"], 0);
        assert_eq!(pod["spec"]["tolerations"].as_array().map(Vec::len), Some(2));
        assert_eq!(pod["status"], json!({"phase": "Pending", "qosClass": "Burstable"}));
    }

    #[test]
    fn what_is_wrong_with_an_object_is_told_before_quotas_and_bounds() {
        let bounds = json!({"kind": "LimitRange", "metadata": {"name": "b", "namespace": "app"},
            "spec": {"limits": [{"type": "Container", "default": {"cpu": "200m"}, "max": {"cpu": "100m"}}]}});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "wrong", "namespace": "app"},
            "spec": {"containers": [{"name": "a", "image": "i", "resources": {"requests": {"cpu": "500m"}}}]}});
        assert_eq!(
            refused(&world(&[app(), bounds]), pod),
            "Pod \"wrong\" is invalid: spec.containers[0].resources.requests: Invalid value: \"500m\": must be less than or \
             equal to cpu limit of 200m"
        );
    }

    #[test]
    fn kinds_that_are_not_served_are_told_in_kubectls_words() {
        let budget = json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "a"}});
        assert_eq!(
            refused(&world(&[]), budget),
            "no matches for kind \"PodDisruptionBudget\" in version \"policy/v1beta1\""
        );
    }

    #[test]
    fn a_namespace_that_is_not_named_is_the_default_one_and_cluster_scoped_kinds_have_none() {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a"}});
        assert_eq!(refused(&world(&[]), claim.clone()), "namespaces \"default\" not found");
        assert_eq!(key(&world(&[]), &claim, "default").namespace.as_deref(), Some("default"));
        let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "a", "namespace": "x"},
            "provisioner": "p"});
        assert_eq!(key(&world(&[]), &class, "default").namespace, None);
        let answer = request(&world(&[]), Request::Create, class, "default", V);
        assert!(matches!(answer.outcome, Outcome::Admitted(class) if class["metadata"].get("namespace").is_none()));
    }

    #[test]
    fn a_job_gets_its_own_selector() {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "app"},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i"}]}}}});
        let answer = request(&world(&[app()]), Request::Create, job, "default", V);
        let Outcome::Admitted(job) = answer.outcome else { panic!("{answer:?}") };
        assert_eq!(job["spec"]["template"]["metadata"]["labels"]["batch.kubernetes.io/job-name"], "once");
        assert_eq!(
            job["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"],
            job["metadata"]["uid"]
        );
    }

    fn deployment(selector: Value, image: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "app"}, "spec": {
            "selector": {"matchLabels": selector}, "template": {"metadata": {"labels": selector}, "spec": {
            "containers": [{"name": "web", "image": image, "resources": {"limits": {"memory": "1024Mi"}}}]}}}})
    }

    fn applied(world: &World, object: Value) -> Answer {
        request(world, Request::Apply, object, "default", V)
    }

    #[test]
    fn what_exists_is_updated_and_what_changes_nothing_is_left() {
        let mut world = world(&[app()]);
        let first = deployment(json!({"app": "web"}), "i:1");
        let answer = applied(&world, first.clone());
        assert_eq!(answer.action, Action::Create);
        let Outcome::Admitted(stored) = answer.outcome else { panic!() };
        world.put(key(&world, &stored, "default"), *stored);
        assert_eq!(applied(&world, first.clone()).action, Action::None);
        let answer = applied(&world, deployment(json!({"app": "web"}), "i:2"));
        assert_eq!(answer.action, Action::Update);
        let Outcome::Admitted(stored) = answer.outcome else { panic!() };
        assert_eq!(stored["spec"]["template"]["spec"]["containers"][0]["image"], "i:2");
        assert_eq!(stored["metadata"]["generation"], 2);
        let answer = applied(&world, deployment(json!({"app": "web", "v": "2"}), "i:1"));
        assert_eq!(
            (answer.action, answer.outcome),
            (
                Action::Update,
                Outcome::Refused(
                    "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: \
                {\"matchLabels\":{\"app\":\"web\",\"v\":\"2\"}}: field is immutable"
                        .to_owned()
                )
            )
        );
    }

    #[test]
    fn whether_something_exists_that_could_not_be_read_is_not_known() {
        let mut world = world(&[app()]);
        world.cover_not("Deployment");
        assert!(matches!(applied(&world, deployment(json!({"app": "web"}), "i")).outcome, Outcome::Unknown(_)));
    }

    #[test]
    fn a_quota_that_is_new_counts_what_is_there() {
        let mut world = world(&[app()]);
        let first = deployment(json!({"app": "web"}), "i:1");
        let Outcome::Admitted(stored) = applied(&world, first).outcome else { panic!() };
        world.put(key(&world, &stored, "default"), *stored);
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": "app"},
            "spec": {"hard": {"count/deployments.apps": "1"}}});
        let Outcome::Admitted(quota) = applied(&world, quota).outcome else { panic!() };
        world.put(key(&world, &quota, "default"), (*quota).clone());
        charge(&mut world, &quota, V);
        let mut other = deployment(json!({"app": "other"}), "i:1");
        other["metadata"]["name"] = "other".into();
        assert_eq!(
            refused(&world, other),
            "deployments.apps \"other\" is forbidden: exceeded quota: few, requested: count/deployments.apps=1, used: \
             count/deployments.apps=1, limited: count/deployments.apps=1"
        );
    }

    #[test]
    fn what_could_not_be_read_and_has_a_say_is_told() {
        let mut world = world(&[app()]);
        world.cover_not("ResourceQuota");
        assert_eq!(
            applied(&world, deployment(json!({"app": "web"}), "i")).unread,
            [("ResourceQuota", "resourcequotas")]
        );
    }
}
