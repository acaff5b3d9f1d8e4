//! What the server's words leave out where it refuses a document for what other documents, or kubectl, do.

use serde_json::Value;

use super::fields::{kind_of, list, text};
use super::judged::{DocumentResult, WorkloadResult};
use super::manifests::{Document, strict};
use super::server::{self, missing_account};
use crate::model::version::Version;

/// Says of documents that are refused, or whose pods are, why that is, where the server's words don't.
pub(super) fn add(
    documents: &[Document],
    results: &mut [DocumentResult],
    workloads: &[WorkloadResult],
    release: Version,
) {
    let of = |index| hint(documents, results, index, release).or_else(|| of_pods(documents, results, workloads, index));
    let hints: Vec<Option<String>> = (0..results.len()).map(of).collect();
    for (result, hint) in results.iter_mut().zip(hints) {
        result.hint = hint;
    }
}

fn hint(documents: &[Document], results: &[DocumentResult], index: usize, release: Version) -> Option<String> {
    let (document, result) = (documents.get(index)?, results.get(index)?);
    let message = result.message.as_deref().filter(|_| result.admitted == Some(false))?;
    if message.starts_with("no matches for kind") {
        return unserved(document, release).or_else(|| undefined(documents, results, index));
    }
    let noted = message.ends_with("metadata.annotations: Too long: may not be more than 262144 bytes");
    let hint = "kubectl apply keeps the whole document in an annotation, for which this one is too long: \
                `kubectl apply --server-side` and helm keep none";
    noted.then(|| hint.to_owned())
}

/// Where the service account is that a workload's pods name and don't find.
fn of_pods(
    documents: &[Document],
    results: &[DocumentResult],
    workloads: &[WorkloadResult],
    index: usize,
) -> Option<String> {
    let key = &results.get(index)?.key;
    let refused = workloads.iter().find(|workload| workload.key == *key)?.refused.as_deref()?;
    let name = missing_account(refused)?;
    let account = |result: &DocumentResult| result.key.kind == "ServiceAccount" && result.key.name == name;
    let elsewhere = |result: &DocumentResult| account(result) && result.key.namespace != key.namespace;
    let position = results.iter().position(elsewhere)?;
    let (document, namespace) = (documents.get(position)?, results.get(position)?.key.namespace.as_deref()?);
    Some(format!(
        "the manifests bring ServiceAccount {name} for namespace {namespace}, {}:{}, and pods use accounts of their own \
         namespace alone, which is {} here",
        document.file,
        document.line,
        key.namespace.as_deref()?,
    ))
}

/// The version in which a release serves a kind of Kubernetes' own.
fn unserved(document: &Document, release: Version) -> Option<String> {
    let kind = kind_of(&document.object);
    let (group, _) = server::split(text(&document.object, "/apiVersion"));
    let version = *server::built_in_versions(group, kind, release).last()?;
    let served = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let chart = document
        .template
        .as_ref()
        .map(|_| format!("; where the chart asks what is served, tell helm template: --api-versions {served}/{kind}"));
    Some(format!("Kubernetes {release} serves it as {served}{}", chart.unwrap_or_default()))
}

/// What became of the definition of a custom kind.
fn undefined(documents: &[Document], results: &[DocumentResult], index: usize) -> Option<String> {
    let object = &documents.get(index)?.object;
    let (group, version) = server::split(text(object, "/apiVersion"));
    if !group.contains('.') || strict::knows_group(group) {
        return None;
    }
    let defines = |other: &Document| {
        kind_of(&other.object) == "CustomResourceDefinition"
            && text(&other.object, "/spec/group") == group
            && text(&other.object, "/spec/names/kind") == kind_of(object)
    };
    let Some(position) = documents.iter().position(defines) else {
        return Some("its CustomResourceDefinition is neither in the cluster nor in the manifests".to_owned());
    };
    let (definition, result) = (documents.get(position)?, results.get(position)?);
    let place = format!("its CustomResourceDefinition, {}:{}", definition.file, definition.line);
    if result.admitted != Some(true) {
        return Some(format!("{place}, is refused as well"));
    }
    if position > index {
        return Some(format!("{place}, comes later: apply that first"));
    }
    let served: Vec<&str> = list(&definition.object, "/spec/versions")
        .iter()
        .filter(|version| version["served"] == Value::Bool(true))
        .map(|version| text(version, "/name"))
        .collect();
    Some(format!("{place}, serves {} and not {version}", served.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::preflight::server::Action;
    use crate::preflight::world::Key;

    const TOO_LONG: &str = "… is invalid: metadata.annotations: Too long: may not be more than 262144 bytes";

    fn told(objects: Vec<Value>, messages: &[Option<&str>]) -> Vec<Option<String>> {
        let documents: Vec<Document> = objects
            .into_iter()
            .enumerate()
            .map(|(at, object)| Document::new("m.yaml", 10 * at + 1, 1, object))
            .collect();
        let result = |message: &Option<&str>| DocumentResult {
            file: "m.yaml".to_owned(),
            line: 1,
            key: Key { kind: String::new(), namespace: None, name: String::new() },
            action: Action::Create,
            admitted: Some(message.is_none()),
            message: message.map(str::to_owned),
            hint: None,
            warnings: Vec::new(),
            server: None,
        };
        let mut results: Vec<DocumentResult> = messages.iter().map(result).collect();
        add(&documents, &mut results, &[], Version::new(1, 36));
        results.into_iter().map(|result| result.hint).collect()
    }

    fn crd() -> Value {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"group": "example.com",
            "names": {"kind": "Thing"}, "versions": [{"name": "v1", "served": true}, {"name": "v0", "served": false}]}})
    }

    fn thing(version: &str) -> Value {
        json!({"apiVersion": format!("example.com/{version}"), "kind": "Thing"})
    }

    const UNSERVED: Option<&str> = Some("no matches for kind \"Thing\" in version \"example.com/v1\"");

    #[test]
    fn objects_without_their_definition_say_what_became_of_it() {
        let refused = told(vec![crd(), thing("v1")], &[Some(TOO_LONG), UNSERVED]);
        assert!(refused[0].as_ref().is_some_and(|hint| hint.contains("--server-side")), "{refused:?}");
        assert_eq!(refused[1].as_deref(), Some("its CustomResourceDefinition, m.yaml:1, is refused as well"));
        let later = told(vec![thing("v1"), crd()], &[UNSERVED, None]);
        assert_eq!(later[0].as_deref(), Some("its CustomResourceDefinition, m.yaml:11, comes later: apply that first"));
        let other = told(vec![crd(), thing("v0")], &[None, UNSERVED]);
        assert_eq!(other[1].as_deref(), Some("its CustomResourceDefinition, m.yaml:1, serves v1 and not v0"));
        let none = told(vec![thing("v1")], &[UNSERVED]);
        assert_eq!(
            none[0].as_deref(),
            Some("its CustomResourceDefinition is neither in the cluster nor in the manifests")
        );
    }

    #[test]
    fn versions_that_are_gone_say_what_is_served_instead() {
        let gone = Some("no matches for kind \"CronJob\" in version \"batch/v1beta1\"");
        let old = json!({"apiVersion": "batch/v1beta1", "kind": "CronJob"});
        assert_eq!(told(vec![old], &[gone])[0].as_deref(), Some("Kubernetes 1.36 serves it as batch/v1"));
        let nothing = json!({"apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy"});
        assert_eq!(told(vec![nothing], &[gone]), [None]);
        assert_eq!(told(vec![json!({"apiVersion": "v1", "kind": "Pod"})], &[Some("Pod \"a\" is invalid: x")]), [None]);
    }
}
