//! What the server would do with objects: writes marked dry-run, as `kubectl apply --dry-run=server` sends them
//! (`kubectl/pkg/cmd/apply`, `cli-runtime/pkg/resource`, Helper).

use std::time::Duration;

use futures::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::failure::{Failure, quote};
use super::request::{Response, Server, Write};
use super::single;
use crate::snapshot::Named;
use crate::source::dry_run::{Answered, Reply, Subject};

/// Objects that are asked about at a time.
const PARALLEL: usize = 6;

/// The patch that an object which exists is sent, by the number of the subject; `None` where nothing changes.
pub(crate) type Patch<'p> = dyn Fn(usize, &Value) -> Option<Value> + 'p;

/// The server, and until when it may be asked.
pub(super) struct Asked<'a> {
    pub(super) server: &'a Server,
    pub(super) deadline: Instant,
    /// How long the whole run may take.
    pub(super) allowed: Duration,
}

/// Asks the server about objects; the answers are in their order.
pub(super) async fn ask(asked: &Asked<'_>, subjects: &[Subject], patch: &Patch<'_>) -> Vec<Answered> {
    let jobs = subjects.iter().enumerate().map(|(number, subject)| async move {
        let late = || Answered::silent(Failure::Late(asked.allowed).to_string());
        let answer = timeout_at(asked.deadline, one(asked.server, subject, &|live| patch(number, live))).await;
        answer.unwrap_or_else(|_| late())
    });
    futures::stream::iter(jobs).buffered(PARALLEL).collect().await
}

async fn one(server: &Server, subject: &Subject, patch: &dyn Fn(&Value) -> Option<Value>) -> Answered {
    let named = Named { namespace: subject.namespace.clone().unwrap_or_default(), name: subject.name.clone() };
    if !single::safe(&named) {
        return Answered::silent("its name can't stand in a request");
    }
    let collection = collection(subject);
    let path = format!("{collection}/{}", subject.name);
    let live = match server.get(&path).await {
        Ok(text) => match object(subject, &text) {
            Ok(live) => Some(live),
            Err(failure) => return Answered::silent(failure.to_string()),
        },
        Err(Failure::NotFound) => None,
        Err(failure) => return Answered::silent(format!("whether it exists could not be read: {failure}")),
    };
    let response = match &live {
        None => server.dry_run(Write::Create, &collection, subject.created.to_string()).await,
        Some(live) => match patch(live) {
            None => return Answered { reply: Reply::Unchanged, live: Some(live.clone()) },
            Some(patch) => server.dry_run(Write::Patch, &path, patch.to_string()).await,
        },
    };
    let reply = response.map_or_else(|failure| Reply::Silent(failure.to_string()), |response| reply(subject, response));
    Answered { reply, live }
}

fn collection(subject: &Subject) -> String {
    let root = if subject.api_version.contains('/') { "apis" } else { "api" };
    let namespace = subject.namespace.as_ref().map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    format!("/{root}/{}{namespace}/{}", subject.api_version, subject.plural)
}

/// The object in an answer, where it is the one that was asked about.
fn object(subject: &Subject, text: &str) -> Result<Value, Failure> {
    let object: Value = serde_json::from_str(text).map_err(|error| Failure::Malformed(quote(&error.to_string())))?;
    let says = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let namespace = subject.namespace.as_deref().unwrap_or_default();
    let told = (says("/kind"), says("/metadata/namespace"), says("/metadata/name"));
    if told == (subject.kind.as_str(), namespace, subject.name.as_str()) {
        return Ok(object);
    }
    let what = quote(&format!("{} {}", told.0, told.2));
    Err(Failure::Malformed(format!("it is about `{what}`, not about {} {}", subject.kind, subject.name)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    kind: String,
    message: String,
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    kind: String,
}

fn reply(subject: &Subject, response: Response) -> Reply {
    let Response { status, warnings, body, .. } = response;
    if (200..300).contains(&status) {
        return match object(subject, &body) {
            Ok(object) => Reply::Taken { object, warnings },
            Err(failure) => Reply::Silent(failure.to_string()),
        };
    }
    match serde_json::from_str::<Status>(&body) {
        Ok(told) if told.kind == "Status" => match refusal(status, &told) {
            true => Reply::Refused { message: without_patch(&told.message), warnings },
            false => Reply::Silent(unsaid(status, &told, &body)),
        },
        _ => Reply::Silent(Failure::of_status(status, None, &body).to_string()),
    }
}

/// The server's words without the patch that they repeat whole, values of environments and all
/// (`apiserver/pkg/endpoints/handlers/patch.go`, applyPatchToObject).
fn without_patch(message: &str) -> String {
    let Some(rest) = message.trim_start().strip_prefix("\"\" is invalid: patch: Invalid value: \"") else {
        return message.to_owned();
    };
    let mut letters = rest.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '"' => return format!("\"\" is invalid: patch: Invalid value: \"…{}", &rest[place..]),
            _ => {}
        }
    }
    "\"\" is invalid: patch: Invalid value".to_owned()
}

/// Whether an error is the server's answer to the object, and not to the one who asks or to the asking.
fn refusal(status: u16, told: &Status) -> bool {
    let message = told.message.as_str();
    if forbids_asking(message) || deaf(message) || message.is_empty() {
        return false;
    }
    let by_webhook = message.starts_with("admission webhook \"") && message.contains("\" denied the request");
    let of_namespace = || told.details.as_ref().is_some_and(|details| details.kind == "namespaces");
    by_webhook
        || match status {
            400 | 403 | 422 => true,
            404 => of_namespace(),
            500 => message.starts_with("Internal error occurred: failed calling webhook"),
            _ => false,
        }
}

/// Whether it is not the object that is forbidden, but the request (`apiserver/pkg/endpoints/handlers/responsewriters`,
/// forbiddenMessage).
fn forbids_asking(message: &str) -> bool {
    message.split_once(" is forbidden: User \"").is_some_and(|(_, rest)| rest.contains("\" cannot "))
}

/// Whether a webhook has side effects, so that the server can't try the request
/// (`apiserver/pkg/admission/plugin/webhook/errors`, NewDryRunUnsupportedErr).
fn deaf(message: &str) -> bool {
    message.starts_with("admission webhook ") && message.ends_with(" does not support dry run")
}

fn unsaid(status: u16, told: &Status, body: &str) -> String {
    let message = quote(&told.message);
    if forbids_asking(&told.message) {
        return format!("the request is forbidden: {message}");
    }
    if deaf(&told.message) {
        return message;
    }
    // What the server repeats of the object may hold what is in environments.
    match told.message.find(['{', '[']) {
        Some(_) => format!("the server answered {status}"),
        None => Failure::of_status(status, None, body).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subject() -> Subject {
        Subject {
            api_version: "apps/v1".to_owned(),
            plural: "deployments".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("app".to_owned()),
            name: "web".to_owned(),
            created: json!({}),
        }
    }

    fn said(status: u16, body: &Value) -> Reply {
        reply(&subject(), Response::new(status, body.to_string()))
    }

    fn status(status: u16, message: &str) -> Reply {
        said(status, &json!({"kind": "Status", "message": message, "details": {"kind": "namespaces"}}))
    }

    #[test]
    fn what_the_server_says_of_the_object_is_told_from_what_it_says_of_the_request() {
        for (code, message) in [
            (
                422,
                "Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ),
            (403, "deployments.apps \"web\" is forbidden: exceeded quota: few"),
            (404, "namespaces \"app\" not found"),
            (409, "admission webhook \"a.example.com\" denied the request: no"),
            (500, "Internal error occurred: failed calling webhook \"a.example.com\": failed to call webhook: EOF"),
        ] {
            assert_eq!(status(code, message), Reply::Refused { message: message.to_owned(), warnings: Vec::new() });
        }
        for (code, message) in [
            (
                403,
                "deployments.apps is forbidden: User \"eve\" cannot create resource \"deployments\" in API group \"apps\" in the namespace \"app\"",
            ),
            (400, "admission webhook \"a.example.com\" does not support dry run"),
            (401, "Unauthorized"),
            (409, "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified"),
            (429, "too many requests"),
            (500, "etcdserver: request timed out"),
            (500, "list element types are not identical: [map[env:[map[value:hush]]]]"),
            (403, ""),
        ] {
            assert!(matches!(status(code, message), Reply::Silent(why) if !why.contains("hush")), "{code} {message}");
        }
    }

    #[test]
    fn a_patch_that_the_server_repeats_is_left_out() {
        let told =
            r#" "" is invalid: patch: Invalid value: "map[env:map[PASSWORD:hu\"sh\\]]": unrecognized type: string"#;
        let short = "\"\" is invalid: patch: Invalid value: \"…\": unrecognized type: string";
        assert_eq!(without_patch(told), short);
        assert_eq!(
            without_patch(r#" "" is invalid: patch: Invalid value: "hush"#),
            "\"\" is invalid: patch: Invalid value"
        );
        assert_eq!(without_patch("pods \"a\" is forbidden"), "pods \"a\" is forbidden");
    }

    #[test]
    fn an_answer_about_something_else_says_nothing() {
        let own = json!({"kind": "Deployment", "metadata": {"namespace": "app", "name": "web"}});
        assert_eq!(said(201, &own), Reply::Taken { object: own, warnings: Vec::new() });
        for other in [
            json!({"kind": "Deployment", "metadata": {"namespace": "app", "name": "other"}}),
            json!({"kind": "Deployment", "metadata": {"namespace": "other", "name": "web"}}),
            json!({"kind": "Status", "status": "Success"}),
            json!([]),
        ] {
            assert!(matches!(said(200, &other), Reply::Silent(_)), "{other}");
        }
        assert!(matches!(said(403, &json!("no")), Reply::Silent(_)));
    }

    #[test]
    fn requests_go_where_the_kind_stands() {
        assert_eq!(collection(&subject()), "/apis/apps/v1/namespaces/app/deployments");
        let class = Subject { api_version: "v1".to_owned(), namespace: None, plural: "nodes".to_owned(), ..subject() };
        assert_eq!(collection(&class), "/api/v1/nodes");
    }
}
