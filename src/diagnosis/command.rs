//! The commands of changes: what is printed is made from what was tried.

use serde_json::{Value, json as value};

use super::remedy::{Ask, Change};
use crate::model::{Kind, ObjectRef};

/// The command that makes a change, ready to paste into a POSIX shell; `None` where a name in it isn't one that a
/// command can carry safely.
pub(crate) fn command(change: &Change) -> Option<String> {
    let words = match change {
        Change::Delete { kind, namespace, name } => {
            let mut words = vec!["kubectl".to_owned(), "delete".to_owned(), resource(*kind), argument(name)?];
            words.extend(in_namespace(namespace)?);
            words
        }
        Change::Patch { kind, namespace, name, patch } => patching(*kind, namespace, name, "merge", patch)?,
        Change::JsonPatch { kind, namespace, name, operations } => {
            patching(*kind, namespace, name, "json", operations)?
        }
        Change::Create { object, ask, .. } => return creating(object, ask.as_ref()),
        Change::Copy { kind, namespace, name, to, operations } => {
            return copying(*kind, namespace, name, to, operations);
        }
        Change::Keep { kind, namespace, name } => return keeping(*kind, namespace, name),
        Change::RecreatePods { namespace, names } => {
            let mut words = vec!["kubectl".to_owned(), "delete".to_owned(), "pod".to_owned()];
            for name in names {
                words.push(argument(name)?);
            }
            words.extend(in_namespace(namespace)?);
            words
        }
        Change::Remake { kind, namespace, name, operations, ask } => {
            return changed(*kind, namespace, name, &chosen(operations, ask.as_ref())?, "kubectl replace --force -f -");
        }
        Change::RemakeSet { namespace, name, operations } => {
            let put = "kubectl replace --force --cascade=orphan -f -";
            return changed(Kind::StatefulSet, namespace, name, &chosen(operations, None)?, put);
        }
        Change::AwaitEnd { namespace, name } => {
            let mut words = vec!["kubectl".to_owned(), "wait".to_owned(), "--for=delete".to_owned()];
            words.push(argument(&format!("pod/{name}"))?);
            words.extend(in_namespace(namespace)?);
            words.push("--timeout=5m".to_owned());
            words
        }
        Change::Untaint { node, key, effect } => {
            let mut words = vec!["kubectl".to_owned(), "taint".to_owned(), "node".to_owned(), argument(node)?];
            words.push(argument(&format!("{key}:{effect}-"))?);
            words
        }
        Change::Uncordon { node } => vec!["kubectl".to_owned(), "uncordon".to_owned(), argument(node)?],
        Change::HelmValues { release, namespace, chart, values, .. } => helm(release, namespace, chart, values)?,
    };
    Some(words.join(" "))
}

/// A kubectl command that is no change of an object: `words` are its own, `names` come from the cluster, and so do the
/// values of `flags`. `None` where a name isn't one that a command can carry safely.
pub(crate) fn kubectl(words: &[&str], names: &[&str], flags: &[(&str, &str)]) -> Option<String> {
    let mut command: Vec<String> = ["kubectl"].iter().chain(words).map(|word| (*word).to_owned()).collect();
    for name in names {
        command.push(argument(name)?);
    }
    for (flag, value) in flags {
        command.push((*flag).to_owned());
        command.push(argument(value)?);
    }
    Some(command.join(" "))
}

/// The command that shows the state and the events of an object; `None` for kinds that are not read, and names that a
/// command can't carry safely.
pub(crate) fn describe(object: &ObjectRef) -> Option<String> {
    let kind = Kind::named(&object.kind)?;
    let mut words = vec!["kubectl".to_owned(), "describe".to_owned(), resource(kind), argument(&object.name)?];
    words.extend(in_namespace(&object.namespace)?);
    Some(words.join(" "))
}

/// The command that shows what a workload's container has written; `None` where a name isn't one that a command can
/// carry safely.
pub(crate) fn logs(kind: Kind, namespace: &str, name: &str, container: Option<&str>) -> Option<String> {
    let mut words = vec!["kubectl".to_owned(), "logs".to_owned()];
    words.push(argument(&format!("{}/{name}", resource(kind)))?);
    words.extend(in_namespace(namespace)?);
    if let Some(container) = container {
        words.extend(["-c".to_owned(), argument(container)?]);
    }
    words.push("--tail=100".to_owned());
    Some(words.join(" "))
}

fn patching(kind: Kind, namespace: &str, name: &str, form: &str, patch: &Value) -> Option<Vec<String>> {
    let mut words = vec!["kubectl".to_owned(), "patch".to_owned(), resource(kind), argument(name)?];
    words.extend(in_namespace(namespace)?);
    words.push(format!("--type={form}"));
    words.push("-p".to_owned());
    words.push(quote(&json(patch)?)?);
    Some(words)
}

/// Reads an object, patches the copy that was read, and puts that. Nothing of it is lost that the object had, and the
/// uid and the status are the server's.
fn changed(kind: Kind, namespace: &str, name: &str, patch: &str, put: &str) -> Option<String> {
    let read = reading(kind, namespace, name)?;
    Some(format!("{read} -o json | kubectl patch --local -f - --type=json -p {patch} -o json | {put}"))
}

fn reading(kind: Kind, namespace: &str, name: &str) -> Option<String> {
    let mut read = vec!["kubectl".to_owned(), "get".to_owned(), resource(kind), argument(name)?];
    read.extend(in_namespace(namespace)?);
    Some(read.join(" "))
}

/// The copy has nothing of the metadata: labels and annotations tell tools that the object is theirs.
fn copying(kind: Kind, namespace: &str, name: &str, to: &str, operations: &Value) -> Option<String> {
    let mut all = vec![value!({"op": "replace", "path": "/metadata", "value": new_metadata(namespace, to)})];
    all.extend(operations.as_array()?.iter().cloned());
    changed(kind, namespace, name, &chosen(&Value::Array(all), None)?, "kubectl create -f -")
}

/// The metadata of a copy.
pub(crate) fn new_metadata(namespace: &str, name: &str) -> Value {
    match namespace {
        "" => value!({"name": name}),
        namespace => value!({"name": name, "namespace": namespace}),
    }
}

fn keeping(kind: Kind, namespace: &str, name: &str) -> Option<String> {
    Some(format!("{} -o yaml > {}", reading(kind, namespace, name)?, kept_file(kind, name)?))
}

/// The file in which a copy of an object is kept.
pub(crate) fn kept_file(kind: Kind, name: &str) -> Option<String> {
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect();
    argument(&format!("{}-{safe}.yaml", kind.name().to_ascii_lowercase()))
}

/// What stands in the quoted text where the shell puts a choice in its place.
const CHOICE: &str = "@choice@";

fn creating(object: &Value, ask: Option<&Ask>) -> Option<String> {
    Some(format!("printf '%s' {} | kubectl create -f -", chosen(object, ask)?))
}

/// JSON as one word of the shell, with the choice that is left open as a variable that has to be set.
fn chosen(value: &Value, ask: Option<&Ask>) -> Option<String> {
    let Some(Ask { pointer, variable, hint }) = ask else { return quote(&json(value)?) };
    let mut value = value.clone();
    *value.pointer_mut(pointer)? = CHOICE.into();
    let choice = format!("'\"${{{variable}:?{hint}}}\"'");
    let quoted = quote(&json(&value)?)?;
    let safe =
        hint.chars().all(|c| c.is_ascii_alphanumeric() || " ,.-".contains(c)) && quoted.matches(CHOICE).count() == 1;
    safe.then(|| quoted.replace(CHOICE, &choice))
}

/// The chart is asked for, since a release doesn't keep where its chart came from.
fn helm(release: &str, namespace: &str, chart: &str, values: &[(String, String)]) -> Option<Vec<String>> {
    let example = if chart.is_empty() { "repository/chart".to_owned() } else { format!("repository/{chart}") };
    if !example.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c)) {
        return None;
    }
    let settings: Vec<String> = values.iter().map(|(name, value)| format!("{name}={}", helm_escape(value))).collect();
    let mut words = vec!["helm".to_owned(), "upgrade".to_owned(), argument(release)?];
    words.push(format!("\"${{CHART:?set CHART to the chart you installed, e.g. {example}}}\""));
    words.extend(in_namespace(namespace)?);
    words.push("--reuse-values".to_owned());
    words.push("--set".to_owned());
    words.push(quote(&settings.join(","))?);
    Some(words)
}

/// The resource as kubectl takes it; a group is given where another group has a resource of the same name.
fn resource(kind: Kind) -> String {
    match kind {
        Kind::Event => "events.v1.".to_owned(),
        kind => kind.name().to_ascii_lowercase(),
    }
}

fn in_namespace(namespace: &str) -> Option<Vec<String>> {
    if namespace.is_empty() { Some(Vec::new()) } else { Some(vec!["-n".to_owned(), argument(namespace)?]) }
}

fn json(value: &Value) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// A name as an argument: never one that could be taken for an option.
pub(crate) fn argument(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with('-') { None } else { quote(name) }
}

/// Quotes a text for a POSIX shell; `None` where it has control characters.
fn quote(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Some(text.to_owned());
    }
    Some(format!("'{}'", text.replace('\'', r"'\''")))
}

/// Escapes a value for `--set`.
fn helm_escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, ',' | '\\' | '{' | '}' | '[' | ']' | '=') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(namespace: &str, name: &str) -> Option<String> {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        command(&Change::Delete { kind: Kind::PersistentVolumeClaim, namespace, name })
    }

    #[test]
    fn plain_names_stay_plain() {
        assert_eq!(delete("vault", "data-0").as_deref(), Some("kubectl delete persistentvolumeclaim data-0 -n vault"));
        let names = vec!["vault-0".to_owned(), "vault-1".to_owned()];
        assert_eq!(
            command(&Change::RecreatePods { namespace: "vault".to_owned(), names }).as_deref(),
            Some("kubectl delete pod vault-0 vault-1 -n vault")
        );
    }

    #[test]
    fn logs_are_asked_for_by_workload() {
        let show = |name| logs(Kind::Deployment, "csi", name, Some("csi-provisioner"));
        let command = "kubectl logs deployment/ctl -n csi -c csi-provisioner --tail=100";
        assert_eq!(show("ctl").as_deref(), Some(command));
        assert_eq!(show("a\nb"), None);
    }

    #[test]
    fn hostile_names_are_quoted_or_give_no_command() {
        assert_eq!(
            delete("a b", "x; rm -rf '$HOME'").as_deref(),
            Some(r"kubectl delete persistentvolumeclaim 'x; rm -rf '\''$HOME'\''' -n 'a b'")
        );
        assert_eq!(delete("n", "--all"), None);
        assert_eq!(delete("-A", "x"), None);
        assert_eq!(delete("n", "x\nreboot"), None);
        assert_eq!(delete("n", ""), None);
    }

    #[test]
    fn names_are_never_options_of_other_commands() {
        let logs = |name: &str, container: &str| kubectl(&["logs", "--tail=50"], &[name], &[("-c", container)]);
        assert_eq!(logs("deployment/a", "b c").as_deref(), Some("kubectl logs --tail=50 deployment/a -c 'b c'"));
        assert_eq!(logs("--all", "b"), None);
        assert_eq!(logs("a", "-v"), None);
    }

    #[test]
    fn patches_are_one_quoted_word() {
        let patch = serde_json::json!({"metadata": {"annotations": {"note": "it's"}}});
        let change = Change::Patch { kind: Kind::CSIDriver, namespace: String::new(), name: "d".to_owned(), patch };
        assert_eq!(
            command(&change).as_deref(),
            Some(r#"kubectl patch csidriver d --type=merge -p '{"metadata":{"annotations":{"note":"it'\''s"}}}'"#)
        );
    }

    #[test]
    fn an_object_is_made_anew_from_what_it_is() {
        let operations = serde_json::json!([{"op": "remove", "path": "/spec/nodeSelector"}]);
        let (namespace, name) = ("app".to_owned(), "p".to_owned());
        assert_eq!(
            command(&Change::Remake { kind: Kind::Pod, namespace, name, operations, ask: None }).as_deref(),
            Some(
                r#"kubectl get pod p -n app -o json | kubectl patch --local -f - --type=json -p '[{"op":"remove","path":"/spec/nodeSelector"}]' -o json | kubectl replace --force -f -"#
            )
        );
    }

    #[test]
    fn helm_values_are_escaped_and_the_chart_is_asked_for() {
        let change = |chart: &str, value: &str| Change::HelmValues {
            release: "topolvm".to_owned(),
            namespace: "topolvm-system".to_owned(),
            chart: chart.to_owned(),
            values: vec![("scheduler.enabled".to_owned(), "false".to_owned()), ("note".to_owned(), value.to_owned())],
            effects: Vec::new(),
        };
        assert_eq!(
            command(&change("topolvm", "a,b=c")).as_deref(),
            Some(
                r#"helm upgrade topolvm "${CHART:?set CHART to the chart you installed, e.g. repository/topolvm}" -n topolvm-system --reuse-values --set 'scheduler.enabled=false,note=a\,b\=c'"#
            )
        );
        assert_eq!(command(&change("$(reboot)", "x")), None);
    }
}
