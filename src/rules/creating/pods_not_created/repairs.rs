//! What lets refused pods and claims be made.

use std::collections::BTreeMap;

use crate::admission::expand::{ordinal_of, stateful_set_claims};
use crate::diagnosis::command;
use crate::diagnosis::context::{Context, Shortfall};
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::policy::LimitRangeItem;
use crate::model::{Kind, LimitRange, Quantity};

/// The label with the level of pods that a namespace admits.
const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";

/// A quota that has room for what is asked (`plugin/pkg/admission/resourcequota`: "exceeded quota: NAME, requested: A=1,B=2,
/// used: …, limited: …").
pub(super) fn larger_quota(cx: &Context<'_>, namespace: &str, message: &str) -> Option<Remedy> {
    let (_, rest) = message.split_once("exceeded quota: ")?;
    let (name, rest) = rest.split_once(", requested: ")?;
    let (requested, _) = rest.split_once(", used: ")?;
    let quota = cx.snapshot.quotas.get(namespace, name).found()?;
    let mut hard = serde_json::Map::new();
    for (resource, asked) in requested.split(',').filter_map(|pair| pair.split_once('=')) {
        let used = quota.status.used.get(resource)?;
        let wanted = used.value().checked_add(Quantity::parse(asked).ok()?.value())?;
        hard.insert(resource.to_owned(), Quantity::bytes(wanted).to_string().into());
    }
    let what =
        format!("Raise quota {name} of namespace {namespace} to what is used and asked for together, if there is room");
    let patch = serde_json::json!({"spec": {"hard": hard}});
    let steps = vec![cx.patch(what, (Kind::ResourceQuota, namespace, name), patch)];
    Some(Remedy::untried("Raise the quota", Risk::Low, steps, "admission is not run again here"))
}

/// A LimitRange that has room for what is asked (`plugin/pkg/admission/limitranger`: "maximum R usage per KIND is A, but limit
/// is B").
pub(super) fn wider_limits(cx: &Context<'_>, namespace: &str, message: &str) -> Option<Remedy> {
    let breaches = breaches(message).filter(|breaches| !breaches.is_empty())?;
    let ranges = cx.snapshot.limit_ranges.in_namespace(namespace).iter();
    let (name, operations) =
        ranges.filter_map(|range| Some((range.metadata.name.clone(), widened(range, &breaches)?))).next()?;
    let what = format!("Have LimitRange {name} of namespace {namespace} allow what is asked for");
    let change = Change::JsonPatch { kind: Kind::LimitRange, namespace: namespace.to_owned(), name, operations };
    let steps = vec![cx.step(what, change)];
    Some(Remedy::untried("Widen the limits", Risk::Low, steps, "admission is not run again here"))
}

/// A bound of a LimitRange for pods or their containers, and what breaks it.
struct Breach<'m> {
    bound: &'static str,
    resource: &'m str,
    kind: &'m str,
    allowed: Quantity,
    asked: Quantity,
}

/// What a refusal says of bounds; `None` where one of them is of another form.
fn breaches(message: &str) -> Option<Vec<Breach<'_>>> {
    let bounds = ["maximum", "minimum"].into_iter();
    let parts = bounds.flat_map(|bound| message.split(bound).skip(1).map(move |rest| (bound, rest)));
    parts.map(|(bound, rest)| breach(bound, rest)).collect()
}

fn breach<'m>(bound: &'static str, rest: &'m str) -> Option<Breach<'m>> {
    let (resource, rest) = rest.trim_start().split_once(" usage per ")?;
    let (kind, rest) = rest.split_once(" is ")?;
    let (allowed, rest) = rest.split_once(", but ")?;
    let (_, rest) = rest.split_once(" is ")?;
    let asked = rest.split([',', ']', ' ']).next()?;
    let known = ["Container", "Pod"].contains(&kind);
    let (allowed, asked) = (Quantity::parse(allowed).ok()?, Quantity::parse(asked).ok()?);
    known.then_some(Breach { bound, resource, kind, allowed, asked })
}

/// The JSON patch by which a LimitRange allows all that is asked; `None` where another one forbids some of it.
fn widened(range: &LimitRange, breaches: &[Breach<'_>]) -> Option<serde_json::Value> {
    let mut wanted: BTreeMap<String, &Quantity> = BTreeMap::new();
    for breach in breaches {
        let (field, highest) = if breach.bound == "maximum" { ("max", true) } else { ("min", false) };
        let broken = |item: &&LimitRangeItem| {
            let bounds = if highest { &item.max } else { &item.min };
            item.kind == breach.kind && bounds.get(breach.resource) == Some(&breach.allowed)
        };
        let at = range.spec.limits.iter().position(|item| broken(&item))?;
        let path = format!("/spec/limits/{at}/{field}/{}", breach.resource.replace('~', "~0").replace('/', "~1"));
        let most = wanted.entry(path).or_insert(&breach.asked);
        if highest && breach.asked > **most || !highest && breach.asked < **most {
            *most = &breach.asked;
        }
    }
    let replace = |(path, value): (String, &Quantity)| serde_json::json!({"op": "replace", "path": path, "value": value.to_string()});
    Some(wanted.into_iter().map(replace).collect())
}

/// What the pods name and the API server does not find, made (`plugin/pkg/admission/serviceaccount`,
/// `plugin/pkg/admission/priority`).
pub(super) fn made_first(shortfall: &Shortfall<'_>, message: &str) -> Option<Remedy> {
    let namespace = &shortfall.meta.namespace;
    let (title, what, command) = match service_account(namespace, message) {
        Some(name) => (
            "Create the service account",
            format!("Create service account {name}, and give it the rights that the pods need"),
            command::kubectl(&["create", "serviceaccount"], &[name], &[("-n", namespace)]),
        ),
        None => {
            let (_, rest) = message.split_once("no PriorityClass with name ")?;
            let (name, _) = rest.split_once(" was found")?;
            let value = "--value=\"${VALUE:?how important its pods are, such as 1000}\"";
            (
                "Create the priority class",
                format!("Create priority class {name}, or have the pods name one that is there"),
                command::kubectl(&["create", "priorityclass", value], &[name], &[]),
            )
        }
    };
    let steps = vec![Step { command, ..Step::told(what) }];
    Some(Remedy::untried(title, Risk::Low, steps, "admission is not run again here"))
}

/// The service account that is not found in the pods' own namespace.
fn service_account<'m>(namespace: &str, message: &'m str) -> Option<&'m str> {
    let (_, rest) = message.split_once("error looking up service account ")?;
    let (name, rest) = rest.strip_prefix(namespace)?.strip_prefix('/')?.split_once(": ")?;
    rest.contains("not found").then_some(name)
}

/// A claim template that the API server takes, where it refuses a field of the claim that is made from it.
pub(super) fn corrected(shortfall: &Shortfall<'_>, message: &str) -> Option<Remedy> {
    let (_, rest) = message.split_once("PersistentVolumeClaim \"")?;
    let (_, problem) = rest.split_once("\" is invalid: ")?;
    let meta = shortfall.meta;
    let delete =
        command::kubectl(&["delete", "statefulset", "--cascade=orphan"], &[&meta.name], &[("-n", &meta.namespace)]);
    let steps = vec![
        Step::told(format!(
            "Correct the claim template in the chart or manifest of StatefulSet {}: {problem}",
            meta.name
        )),
        Step {
            command: delete,
            ..Step::told(
                "Delete the set without its pods, since its claim templates can't be changed, and apply it again",
            )
        },
    ];
    let set = shortfall.kind == Kind::StatefulSet;
    set.then(|| {
        Remedy::untried("Correct the claim template", Risk::Medium, steps, "what the template should say is not known")
    })
}

/// The namespace or the service account allowed what the pods need, where that is what the API server refuses
/// (`k8s.io/pod-security-admission`; OpenShift's `pkg/securitycontextconstraints`).
pub(super) fn admitted(cx: &Context<'_>, shortfall: &Shortfall<'_>, message: &str) -> Option<Remedy> {
    let namespace = &shortfall.meta.namespace;
    let reason = "admission is not run again here";
    if message.contains("violates PodSecurity") {
        let patch = serde_json::json!({"metadata": {"labels": {POD_SECURITY: "privileged"}}});
        let what =
            format!("Let namespace {namespace} have pods of the privileged level, as drivers and the like need them");
        let steps = vec![cx.patch(what, (Kind::Namespace, "", namespace), patch)];
        let title = "Allow such pods in the namespace, if they are to be trusted";
        return Some(Remedy::untried(title, Risk::Medium, steps, reason));
    }
    if message.contains("unable to validate against any security context constraint") {
        let account = shortfall.source.spec.service_account_name.as_str();
        let account = if account.is_empty() { "default" } else { account };
        let command = format!("oc adm policy add-scc-to-user privileged -z {account} -n {namespace}");
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        let what = format!(
            "Let service account {account} use the SCC privileged, or a smaller one that allows what is refused"
        );
        let command = Some(command).filter(|_| plain(account) && plain(namespace));
        let steps = vec![Step { command, ..Step::told(what) }];
        let title = "Allow the service account such pods, if they are to be trusted";
        return Some(Remedy::untried(title, Risk::Medium, steps, reason));
    }
    None
}

/// A claim template in the size that a LimitRange of the namespace allows, where that is what it refuses
/// (`plugin/pkg/admission/limitranger`, minConstraint and maxConstraint).
pub(super) fn resized(cx: &Context<'_>, shortfall: &Shortfall<'_>, message: &str) -> Option<Remedy> {
    let (_, rest) = message.split_once("persistentvolumeclaims \"")?;
    let (claim, rest) = rest.split_once("\" is forbidden: ")?;
    let (_, rest) = rest.split_once("imum storage usage per PersistentVolumeClaim is ")?;
    let size: Quantity = Quantity::parse(rest.split_once(',')?.0).ok()?;
    let meta = shortfall.meta;
    let set = cx.snapshot.stateful_sets.get(&meta.namespace, &meta.name).found()?;
    let of = |pod: &String| {
        let claims = stateful_set_claims(set, ordinal_of(&meta.name, pod)?);
        claims.iter().position(|one| one.metadata.name == claim)
    };
    let at = shortfall.missing.iter().find_map(of)?;
    let path = format!("/spec/volumeClaimTemplates/{at}/spec/resources/requests/storage");
    let operations = serde_json::json!([{"op": "replace", "path": path, "value": size.to_string()}]);
    let change = Change::RemakeSet { namespace: meta.namespace.clone(), name: meta.name.clone(), operations };
    let what = format!(
        "Ask for {size} in the claim template of StatefulSet {}: the set is replaced without its pods, since its claim \
         templates can't be changed",
        meta.name
    );
    let title = format!("Ask for {size} of storage, which the LimitRange allows");
    Some(Remedy::new(title, Risk::Medium, vec![cx.step(what, change)]))
}
