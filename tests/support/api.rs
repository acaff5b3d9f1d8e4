//! A small client of the API server: objects are JSON values.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses another part")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "support for tests")]

use std::path::Path;

use futures::stream::{self, StreamExt};
use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Requests under way at once.
const PARALLEL: usize = 24;

/// What the server answers where a controller was quicker to delete an object.
const GONE_ALREADY: u16 = 404;

/// The API of one cluster, as one user.
pub struct Api {
    runtime: Runtime,
    client: Client,
}

/// What the server refused, and why.
#[derive(Debug)]
pub struct Refusal {
    pub request: String,
    /// The HTTP status, 0 where there was no answer.
    pub code: u16,
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.request, self.code, self.message)
    }
}

type Answer = Result<Value, Refusal>;

impl Api {
    /// The API as the user of a context, or of the current one.
    pub fn connect(kubeconfig: &Path, context: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(kubeconfig).unwrap();
            let choice = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
            Client::try_from(Config::from_custom_kubeconfig(file, &choice).await.unwrap()).unwrap()
        });
        Self { runtime, client }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.runtime.block_on(self.send(Method::GET, path, None))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.runtime.block_on(self.send(Method::POST, path, Some(body)))
    }

    /// A JSON merge patch.
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.runtime.block_on(self.send(Method::PATCH, path, Some(body)))
    }

    /// Deletes at once, without a grace period.
    pub fn delete(&self, path: &str) -> Answer {
        self.runtime.block_on(self.send(Method::DELETE, path, Some(&at_once())))
    }

    /// Deletes with the object's own grace period.
    pub fn delete_gracefully(&self, path: &str) -> Answer {
        self.runtime.block_on(self.send(Method::DELETE, path, None))
    }

    /// Makes an object; its `status`, where it has one, is written after that.
    pub fn create(&self, object: &Value) -> Answer {
        self.runtime.block_on(self.make(object))
    }

    /// Makes objects side by side, in waves: those that others need to be admitted come first.
    ///
    /// # Errors
    /// The first refusal.
    pub fn create_all(&self, objects: &[Value]) -> Result<(), Refusal> {
        let mut waves: Vec<Vec<&Value>> = vec![Vec::new(); 4];
        for object in objects {
            waves[wave(object["kind"].as_str().unwrap_or_default())].push(object);
        }
        self.runtime.block_on(async {
            for wave in waves {
                let mut answers = stream::iter(wave).map(|object| self.make(object)).buffer_unordered(PARALLEL);
                while let Some(answer) = answers.next().await {
                    answer?;
                }
            }
            Ok(())
        })
    }

    /// Sends requests side by side and gives their answers in order.
    pub fn many(&self, requests: &[(Method, String, Option<Value>)]) -> Vec<Answer> {
        self.runtime.block_on(async {
            stream::iter(requests)
                .map(|(method, path, body)| self.send(method.clone(), path, body.as_ref()))
                .buffered(PARALLEL)
                .collect()
                .await
        })
    }

    async fn make(&self, object: &Value) -> Answer {
        let made = self.send(Method::POST, &collection(object), Some(object)).await?;
        let Some(status) = object.get("status") else { return Ok(made) };
        let path = format!("{}/status", path_of(object));
        match self.send(Method::PATCH, &path, Some(&json!({ "status": status }))).await {
            Err(refusal) if refusal.code == GONE_ALREADY => Ok(made),
            answer => answer,
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let refused = |code, message| Refusal { request: format!("{method} {path}"), code, message };
        let bytes = body.map_or_else(Vec::new, |body| serde_json::to_vec(body).unwrap());
        let request = Request::builder().method(&method).uri(path).header("content-type", kind).body(bytes).unwrap();
        let text = match self.client.request_text(request).await {
            Ok(text) => text,
            Err(kube::Error::Api(status)) => return Err(refused(status.code, status.message)),
            Err(error) => return Err(refused(0, error.to_string())),
        };
        serde_json::from_str(&text).or(Ok(Value::String(text)))
    }
}

fn at_once() -> Value {
    json!({ "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0 })
}

/// Objects of an earlier wave are there before those of a later one are made.
fn wave(kind: &str) -> usize {
    match kind {
        "Namespace" | "PriorityClass" | "RuntimeClass" => 0,
        "Pod" => 3,
        "PersistentVolumeClaim" => 2,
        _ => 1,
    }
}

/// Where objects of this one's kind and namespace are made.
pub fn collection(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]).to_lowercase());
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    let root = if version.contains('/') { "apis" } else { "api" };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("/{root}/{version}/{plural}"),
    }
}

/// Where an object is.
pub fn path_of(object: &Value) -> String {
    format!("{}/{}", collection(object), object["metadata"]["name"].as_str().unwrap_or_default())
}
