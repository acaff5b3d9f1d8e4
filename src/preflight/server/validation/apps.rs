//! Deployments, StatefulSets, DaemonSets and ReplicaSets (`pkg/apis/apps/validation`).

use serde_json::{Value, json};

use super::super::field::{Errors, Path};
use super::super::json::{at, empty, labels, list, number, some_text, text, typed};
use super::names::{label, percent, subdomain};
use super::{claims, meta, nonnegative, pod, selector};
use crate::model::selector::LabelSelector;

/// `ValidateDeploymentSpec`
pub(super) fn deployment(object: &Value, errors: &mut Errors) {
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    nonnegative(spec, "replicas", &path, errors);
    own_selector(spec, "deployment", &path, errors);
    replica_template(spec, &path, errors);
    strategy(spec, &path.child("strategy"), errors);
    nonnegative(spec, "minReadySeconds", &path, errors);
    nonnegative(spec, "revisionHistoryLimit", &path, errors);
    if let Some(seconds) = number(spec, "/progressDeadlineSeconds") {
        nonnegative(spec, "progressDeadlineSeconds", &path, errors);
        if seconds <= number(spec, "/minReadySeconds").unwrap_or(0) {
            errors.invalid(&path.child("progressDeadlineSeconds"), seconds, "must be greater than minReadySeconds");
        }
    }
}

/// `ValidateReplicaSetSpec`
pub(super) fn replica_set(object: &Value, errors: &mut Errors) {
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    nonnegative(spec, "replicas", &path, errors);
    nonnegative(spec, "minReadySeconds", &path, errors);
    own_selector(spec, "deployment", &path, errors);
    replica_template(spec, &path, errors);
}

fn own_selector(spec: &Value, kind: &str, path: &Path, errors: &mut Errors) {
    let path = path.child("selector");
    match at(spec, "/selector") {
        None => errors.required(&path, ""),
        Some(own) => {
            selector::validate(own, &path, errors);
            if selector::says_nothing(own) {
                errors.invalid(&path, own.clone(), &format!("empty selector is invalid for {kind}"));
            }
        }
    }
}

/// Whether a selector can be used at all (`LabelSelectorAsSelector`).
fn usable(selector: Option<&Value>) -> bool {
    let selector: LabelSelector = typed(selector);
    let mut errors = Errors::default();
    for requirement in &selector.match_expressions {
        let key = super::names::label_key(&requirement.key);
        errors.all_invalid(&Path::new("key"), &requirement.key, key);
    }
    selector.valid() && errors.is_empty()
}

/// The labels of the template must be selected. A selector that says nothing selects them, and none at all doesn't.
fn selects_template(spec: &Value, path: &Path, errors: &mut Errors) {
    let own = at(spec, "/selector");
    let template = at(spec, "/template");
    let template_labels = template.map(labels).unwrap_or_default();
    if !own.is_some_and(|own| typed::<LabelSelector>(Some(own)).matches(&template_labels)) {
        let shown = template.and_then(|template| at(template, "/metadata/labels")).cloned().unwrap_or(Value::Null);
        let path = path.child("template").child("metadata").child("labels");
        errors.invalid(&path, shown, "`selector` does not match template `labels`");
    }
}

/// `ValidatePodTemplateSpecForReplicaSet`
fn replica_template(spec: &Value, path: &Path, errors: &mut Errors) {
    if !usable(at(spec, "/selector")) {
        let shown = at(spec, "/selector").cloned().unwrap_or_default();
        errors.invalid(&path.child("selector"), shown, "invalid label selector");
        return;
    }
    selects_template(spec, path, errors);
    template(spec, path, errors);
    runs_for_ever(spec, "ReplicaSet", path, errors);
}

fn template(spec: &Value, path: &Path, errors: &mut Errors) {
    let nothing = json!({});
    pod::template(at(spec, "/template").unwrap_or(&nothing), &path.child("template"), errors);
}

/// The pods of a kind restart always and have no deadline.
fn runs_for_ever(spec: &Value, kind: &str, path: &Path, errors: &mut Errors) {
    let path = path.child("template").child("spec");
    let policy = text(spec, "/template/spec/restartPolicy");
    if policy != "Always" {
        errors.unsupported(&path.child("restartPolicy"), policy, &["Always"]);
    }
    if at(spec, "/template/spec/activeDeadlineSeconds").is_some() {
        let detail = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.forbidden(&path.child("activeDeadlineSeconds"), &detail);
    }
}

fn strategy(spec: &Value, path: &Path, errors: &mut Errors) {
    let rolling = at(spec, "/strategy/rollingUpdate");
    match text(spec, "/strategy/type") {
        "Recreate" => {
            if rolling.is_some() {
                let detail = "may not be specified when strategy `type` is 'Recreate'";
                errors.forbidden(&path.child("rollingUpdate"), detail);
            }
        }
        "RollingUpdate" => {
            let (path, nothing) = (path.child("rollingUpdate"), Value::Null);
            let rolling = rolling.unwrap_or(&nothing);
            count_or_percent(rolling, "maxUnavailable", &path, errors);
            count_or_percent(rolling, "maxSurge", &path, errors);
            if amount(rolling, "maxUnavailable") == 0 && amount(rolling, "maxSurge") == 0 {
                let shown = at(rolling, "/maxUnavailable").cloned().unwrap_or_default();
                errors.invalid(&path.child("maxUnavailable"), shown, "may not be 0 when `maxSurge` is 0");
            }
            at_most_all(rolling, "maxUnavailable", &path, errors);
        }
        _ => {
            let shown = json!({"Type": text(spec, "/strategy/type"), "RollingUpdate": rolling_shown(rolling)});
            errors.unsupported(path, shown, &["Recreate", "RollingUpdate"]);
        }
    }
}

/// How the server shows the part of a strategy that is not in use.
fn rolling_shown(rolling: Option<&Value>) -> Value {
    rolling.map_or(
        Value::Null,
        |rolling| json!({"MaxUnavailable": at(rolling, "/maxUnavailable"), "MaxSurge": at(rolling, "/maxSurge")}),
    )
}

/// `ValidatePositiveIntOrPercent`
pub(super) fn count_or_percent(holder: &Value, field: &str, path: &Path, errors: &mut Errors) {
    let path = path.child(field);
    match at(holder, &format!("/{field}")) {
        Some(Value::String(text)) => errors.all_invalid(&path, text, percent(text)),
        Some(value) => {
            let number = value.as_i64().unwrap_or(0);
            if number < 0 {
                errors.invalid(&path, number, "must be greater than or equal to 0");
            }
        }
        None => {}
    }
}

/// `getIntOrPercentValue`
fn amount(holder: &Value, field: &str) -> i64 {
    match at(holder, &format!("/{field}")) {
        Some(Value::String(text)) => text.trim_end_matches('%').parse().unwrap_or(0),
        Some(value) => value.as_i64().unwrap_or(0),
        None => 0,
    }
}

/// `IsNotMoreThan100Percent`
pub(super) fn at_most_all(holder: &Value, field: &str, path: &Path, errors: &mut Errors) {
    if let Some(Value::String(text)) = at(holder, &format!("/{field}"))
        && percent(text).is_empty()
        && amount(holder, field) > 100
    {
        errors.invalid(&path.child(field), text.as_str(), "must not be greater than 100%");
    }
}

/// `ValidateDaemonSetSpec`
pub(super) fn daemon_set(object: &Value, errors: &mut Errors) {
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    if let Some(own) = at(spec, "/selector") {
        selector::validate(own, &path.child("selector"), errors);
    }
    if usable(at(spec, "/selector")) {
        selects_template(spec, &path, errors);
    }
    if let Some(own) = at(spec, "/selector").filter(|own| selector::says_nothing(own)) {
        errors.invalid(&path.child("selector"), own.clone(), "empty selector is invalid for daemonset");
    }
    template(spec, &path, errors);
    runs_for_ever(spec, "DaemonSet", &path, errors);
    nonnegative(spec, "minReadySeconds", &path, errors);
    daemon_strategy(spec, &path.child("updateStrategy"), errors);
    nonnegative(spec, "revisionHistoryLimit", &path, errors);
}

fn daemon_strategy(spec: &Value, path: &Path, errors: &mut Errors) {
    let rolling = at(spec, "/updateStrategy/rollingUpdate");
    match (text(spec, "/updateStrategy/type"), rolling) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => errors.required(&path.child("rollingUpdate"), ""),
        ("RollingUpdate", Some(rolling)) => {
            let path = path.child("rollingUpdate");
            for field in ["maxUnavailable", "maxSurge"] {
                count_or_percent(rolling, field, &path, errors);
            }
            for field in ["maxUnavailable", "maxSurge"] {
                at_most_all(rolling, field, &path, errors);
            }
            match (amount(rolling, "maxUnavailable"), amount(rolling, "maxSurge")) {
                (0, 0) => errors.required(&path.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"),
                (0, _) | (_, 0) => {}
                _ => {
                    let shown = at(rolling, "/maxSurge").cloned().unwrap_or_default();
                    errors.invalid(&path.child("maxSurge"), shown, "may not be set when maxUnavailable is non-zero");
                }
            }
        }
        (other, _) => {
            let shown = json!({"Type": other, "RollingUpdate": rolling_shown(rolling)});
            errors.unsupported(path, shown, &["RollingUpdate", "OnDelete"]);
        }
    }
}

/// `ValidateStatefulSetSpec`; what can't be changed isn't looked at again in an update.
pub(super) fn stateful_set(object: &Value, update: bool, errors: &mut Errors) {
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    match text(spec, "/podManagementPolicy") {
        "" => errors.required(&path.child("podManagementPolicy"), ""),
        "OrderedReady" | "Parallel" => {}
        other => errors.invalid(&path.child("podManagementPolicy"), other, "must be 'OrderedReady' or 'Parallel'"),
    }
    set_strategy(spec, &path.child("updateStrategy"), errors);
    for field in ["whenDeleted", "whenScaled"] {
        let policy = text(spec, &format!("/persistentVolumeClaimRetentionPolicy/{field}"));
        if !matches!(policy, "" | "Retain" | "Delete") {
            let path = path.child("persistentVolumeClaimRetentionPolicy").child(field);
            errors.unsupported(&path, policy, &["Retain", "Delete"]);
        }
    }
    if !update {
        for (index, claim) in list(spec, "/volumeClaimTemplates").iter().enumerate() {
            claims::spec(claim, &path.child("volumeClaimTemplates").index(index).child("spec"), errors);
        }
    }
    nonnegative(spec, "replicas", &path, errors);
    nonnegative(spec, "minReadySeconds", &path, errors);
    if let Some(start) = number(spec, "/ordinals/start").filter(|start| *start < 0) {
        errors.invalid(&path.child("ordinals.start"), start, "must be greater than or equal to 0");
    }
    if let Some(service) = some_text(spec, "/serviceName").filter(|_| !update) {
        errors.all_invalid(&path.child("serviceName"), service, label(service));
    }
    own_selector(spec, "statefulset", &path, errors);
    if usable(at(spec, "/selector")) {
        set_template(spec, &path, errors);
    } else {
        errors.invalid(&path.child("selector"), at(spec, "/selector").cloned().unwrap_or_default(), "");
    }
    runs_for_ever(spec, "StatefulSet", &path, errors);
}

fn set_strategy(spec: &Value, path: &Path, errors: &mut Errors) {
    let rolling = at(spec, "/updateStrategy/rollingUpdate");
    match (text(spec, "/updateStrategy/type"), rolling) {
        ("", _) => errors.required(path, ""),
        ("OnDelete", Some(rolling)) => {
            let shown = json!({"Partition": number(rolling, "/partition").unwrap_or(0), "MaxUnavailable": at(rolling, "/maxUnavailable")});
            errors.invalid(&path.child("rollingUpdate"), shown, "only allowed for updateStrategy 'RollingUpdate'");
        }
        ("RollingUpdate", Some(rolling)) => {
            let path = path.child("rollingUpdate");
            nonnegative(rolling, "partition", &path, errors);
            if let Some(most) = at(rolling, "/maxUnavailable") {
                count_or_percent(rolling, "maxUnavailable", &path, errors);
                if amount(rolling, "maxUnavailable") == 0 {
                    errors.invalid(&path.child("maxUnavailable"), most.clone(), "cannot be 0");
                }
                at_most_all(rolling, "maxUnavailable", &path, errors);
            }
        }
        ("OnDelete" | "RollingUpdate", None) => {}
        (other, _) => {
            let shown = json!({"Type": other, "RollingUpdate": rolling_shown(rolling)});
            errors.invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'");
        }
    }
}

/// The template is checked with the volumes that its claims become.
fn set_template(spec: &Value, path: &Path, errors: &mut Errors) {
    selects_template(spec, path, errors);
    let mut whole = at(spec, "/template").cloned().unwrap_or_else(|| json!({}));
    for field in ["subdomain", "hostname"] {
        super::super::json::remove(&mut whole, "/spec", field);
    }
    let names: Vec<&str> =
        list(spec, "/volumeClaimTemplates").iter().map(|claim| text(claim, "/metadata/name")).collect();
    if !names.is_empty() {
        let mut volumes: Vec<Value> =
            names.iter().map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": name}})).collect();
        let own = list(&whole, "/spec/volumes").iter().filter(|volume| !names.contains(&text(volume, "/name")));
        volumes.extend(own.cloned());
        super::super::json::set(&mut whole, &["spec", "volumes"], Value::Array(volumes));
    }
    pod::template(&whole, &path.child("template"), errors);
}

/// `ValidateReplicationControllerSpec`
pub(super) fn replication_controller(object: &Value, errors: &mut Errors) {
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    nonnegative(spec, "minReadySeconds", &path, errors);
    if empty(spec, "/selector") {
        errors.required(&path.child("selector"), "");
    }
    nonnegative(spec, "replicas", &path, errors);
    let Some(own) = at(spec, "/template") else {
        errors.required(&path.child("template"), "");
        return;
    };
    let own_labels = labels(own);
    let selected = |(key, value): (&str, &Value)| own_labels.get(key).map(String::as_str) == value.as_str();
    if !super::super::json::entries(spec, "/selector").all(selected) {
        let shown = at(own, "/metadata/labels").cloned().unwrap_or_default();
        let path = path.child("template").child("metadata").child("labels");
        errors.invalid(&path, shown, "`selector` does not match template `labels`");
    }
    template(spec, &path, errors);
    runs_for_ever(spec, "ReplicationController", &path, errors);
}

/// The metadata of these kinds.
pub(super) fn metadata(object: &Value, errors: &mut Errors) {
    let name = if text(object, "/kind") == "StatefulSet" { label } else { subdomain };
    meta::validate(object, true, name, errors);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, spec: Value) -> Value {
        let mut object = json!({"kind": kind, "metadata": {"name": "web", "namespace": "app"}, "spec": {
            "selector": {"matchLabels": {"app": "web"}}, "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}}});
        json_patch::merge(&mut object["spec"], &spec);
        let mut resource = super::super::super::admission::kit::resource("apps/v1", kind);
        resource.kind = kind.to_owned();
        super::super::super::defaults::apply(&resource, &mut object);
        object
    }

    fn told(check: impl Fn(&Value, &mut Errors), object: &Value) -> String {
        let mut errors = Errors::default();
        check(object, &mut errors);
        errors.message("", "X", "").map_or_else(String::new, |message| message.replacen("X \"\" is invalid: ", "", 1))
    }

    #[test]
    fn a_deployment_that_is_right_has_no_errors() {
        assert_eq!(told(deployment, &object("Deployment", json!({}))), "");
        assert_eq!(
            told(daemon_set, &object("DaemonSet", json!({"updateStrategy": {"rollingUpdate": {"maxSurge": 0}}}))),
            ""
        );
        assert_eq!(told(|o, e| stateful_set(o, false, e), &object("StatefulSet", json!({}))), "");
    }

    #[test]
    fn the_selector_must_match_the_template() {
        assert_eq!(
            told(deployment, &object("Deployment", json!({"selector": {"matchLabels": {"app": "other"}}}))),
            "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`"
        );
        assert_eq!(
            told(deployment, &object("Deployment", json!({"selector": null}))),
            "[spec.selector: Required value, spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does \
             not match template `labels`]"
        );
    }

    #[test]
    fn strategies_must_make_headway() {
        let stuck = json!({"strategy": {"rollingUpdate": {"maxSurge": 0}}});
        assert_eq!(
            told(deployment, &object("Deployment", stuck)),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"
        );
        let both = json!({"strategy": {"type": "Recreate"}});
        assert_eq!(
            told(deployment, &object("Deployment", both)),
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"
        );
        let stuck = json!({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}});
        assert_eq!(
            told(daemon_set, &object("DaemonSet", stuck)),
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"
        );
    }

    #[test]
    fn pods_of_workloads_restart_always() {
        let once = json!({"template": {"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 5}}});
        assert_eq!(
            told(deployment, &object("Deployment", once.clone())),
            "[spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\", \
             spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported]"
        );
    }

    #[test]
    fn claims_of_a_set_are_volumes_of_its_pods() {
        let set = json!({"podManagementPolicy": "Fast", "volumeClaimTemplates": [{"metadata": {"name": "data"},
            "spec": {"resources": {"requests": {"storage": "1Gi"}}}}],
            "template": {"spec": {"containers": [{"name": "a", "image": "i", "volumeMounts": [
                {"name": "data", "mountPath": "/d"}, {"name": "gone", "mountPath": "/g"}]}]}}});
        assert_eq!(
            told(|o, e| stateful_set(o, false, e), &object("StatefulSet", set)),
            "[spec.podManagementPolicy: Invalid value: \"Fast\": must be 'OrderedReady' or 'Parallel', \
             spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required, \
             spec.template.spec.containers[0].volumeMounts[1].name: Not found: \"gone\"]"
        );
    }
}
