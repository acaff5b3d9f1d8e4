//! Reads one kind: the versions that may be served, pages, and the namespace where the cluster is forbidden.

use std::cell::RefCell;

use kube::core::Request;
use kube::core::params::ListParams;

use super::decode;
use super::failure::Failure;
use super::options::{Wanted, is_label};
use super::request::Server;
use crate::model::Kind;
use crate::snapshot::{Broken, Builder, Problem, Scope};

/// Objects per page; client-go's default.
const PAGE: u32 = 500;

/// Finished pods take no room and are left to the server (`pkg/scheduler/scheduler.go`, newPodInformer).
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Pods that have ended, or whose node is lost.
const FINISHED: &str = "status.phase!=Pending,status.phase!=Running";

/// The kubelet's everyday events, which outnumber all others and explain nothing.
const NO_ROUTINE: &str = "reason!=Pulling,reason!=Pulled,reason!=Created,reason!=Started";

/// How many events are kept, the newest.
const MOST_EVENTS: usize = 20_000;

/// The namespace in which events about cluster-scoped objects stand.
const DEFAULT_NAMESPACE: &str = "default";

/// What came of a kind.
pub(super) struct Outcome {
    pub(super) scope: Scope,
    /// The failure behind the scope, where there is one.
    pub(super) failure: Option<Failure>,
}

impl Outcome {
    fn read(scope: Scope) -> Self {
        Self { scope, failure: None }
    }

    /// Nothing was read for certain.
    pub(super) fn failed(failure: Failure) -> Self {
        Self { scope: Scope::Nothing(failure.problem()), failure: Some(failure) }
    }
}

/// Reads kinds from a server. What was read stays here even where a reading is cut off by the deadline.
pub(super) struct Reader<'a> {
    server: &'a Server,
    wanted: &'a Wanted,
    /// The namespace to list where the whole cluster is forbidden.
    own_namespace: Option<&'a str>,
    progress: &'a dyn Fn(&str),
    lists: RefCell<Vec<Builder>>,
}

impl<'a> Reader<'a> {
    /// A reader whose fall-back is the wanted namespace or else the context's.
    pub(super) fn new(server: &'a Server, wanted: &'a Wanted, context: &'a str, progress: &'a dyn Fn(&str)) -> Self {
        let own_namespace = wanted.namespace.as_deref().or_else(|| Some(context).filter(|name| is_label(name)));
        Self { server, wanted, own_namespace, progress, lists: RefCell::default() }
    }

    /// What was read so far.
    pub(super) fn into_lists(self) -> Vec<Builder> {
        self.lists.into_inner()
    }

    /// Reads a kind.
    pub(super) async fn kind(&self, kind: Kind) -> Outcome {
        match kind {
            Kind::Event => self.events().await,
            Kind::Pod => self.cluster(kind, Some(UNFINISHED)).await,
            _ => self.cluster(kind, None).await,
        }
    }

    /// Reads the pods of a namespace that have ended; what can't be read is left.
    pub(super) async fn finished_pods(&self, namespace: &str) {
        let _left = self.list(Kind::Pod, Some(namespace), Some(FINISHED)).await;
    }

    /// Events of the wanted namespace and of cluster-scoped objects, or of all namespaces.
    async fn events(&self) -> Outcome {
        let Some(namespace) = self.wanted.namespace.as_deref() else {
            return self.cluster(Kind::Event, Some(NO_ROUTINE)).await;
        };
        let mut namespaces = vec![DEFAULT_NAMESPACE, namespace];
        namespaces.sort_unstable();
        namespaces.dedup();
        let (mut read, mut failure) = (Vec::new(), None);
        for namespace in namespaces {
            match self.list(Kind::Event, Some(namespace), Some(NO_ROUTINE)).await {
                Ok(()) => read.push(namespace.to_owned()),
                Err(error) => failure = Some(error),
            }
        }
        let problem = failure.as_ref().map_or(Problem::NotRequested, Failure::problem);
        let scope = if read.is_empty() { Scope::Nothing(problem) } else { Scope::Namespaces(read, problem) };
        Outcome { scope, failure }
    }

    /// Lists the whole cluster, or where that is forbidden the own namespace.
    async fn cluster(&self, kind: Kind, selector: Option<&str>) -> Outcome {
        let failure = match self.list(kind, None, selector).await {
            Ok(()) => return Outcome::read(Scope::All),
            Err(failure) => failure,
        };
        let own = self.own_namespace.filter(|_| kind.namespaced() && matches!(failure, Failure::Forbidden(_)));
        match own {
            Some(namespace) if self.list(kind, Some(namespace), selector).await.is_ok() => {
                let scope = Scope::Namespaces(vec![namespace.to_owned()], failure.problem());
                Outcome { scope, failure: Some(failure) }
            }
            _ => Outcome::failed(failure),
        }
    }

    /// Lists a kind in the best version that is served.
    async fn list(&self, kind: Kind, namespace: Option<&str>, selector: Option<&str>) -> Result<(), Failure> {
        let mut result = Err(Failure::NotFound);
        for version in kind.versions() {
            result = self.pages(kind, &path(kind, version, namespace), selector).await;
            if result != Err(Failure::NotFound) {
                break;
            }
        }
        result
    }

    /// Reads page after page; a list that expires on the way is read once more, whole.
    async fn pages(&self, kind: Kind, path: &str, selector: Option<&str>) -> Result<(), Failure> {
        let list = self.start();
        let mut token: Option<String> = None;
        loop {
            let text = match self.server.get(&url(path, selector, Some(PAGE), token.as_deref())?).await {
                Err(Failure::Expired) if token.is_some() => {
                    self.lists.borrow_mut()[list] = Builder::default();
                    self.server.get(&url(path, selector, None, None)?).await?
                }
                text => text?,
            };
            let next = self.decode(kind, path, &text, list)?;
            if next.is_some() && next == token {
                return Err(Failure::Malformed("the list repeats a page".to_owned()));
            }
            if next.is_none() {
                return self.finish(kind, path, list);
            }
            token = next;
        }
    }

    fn start(&self) -> usize {
        let mut lists = self.lists.borrow_mut();
        lists.push(Builder::default());
        lists.len() - 1
    }

    fn decode(&self, kind: Kind, path: &str, text: &str, list: usize) -> Result<Option<String>, Failure> {
        let mut lists = self.lists.borrow_mut();
        let list = &mut lists[list];
        let next = decode::page(kind, path, text, list);
        if kind == Kind::Event && list.count(kind) > 2 * MOST_EVENTS {
            list.keep_newest_events(MOST_EVENTS);
        }
        (self.progress)(&format!("{}: {}", kind.plural(), list.count(kind)));
        next
    }

    fn finish(&self, kind: Kind, path: &str, list: usize) -> Result<(), Failure> {
        let mut lists = self.lists.borrow_mut();
        let list = &mut lists[list];
        if list.has(kind, "") {
            let (namespace, name, error) = (String::new(), String::new(), "an object has no name".to_owned());
            list.note(Broken { kind, namespace, name, origin: path.to_owned(), error });
        }
        if kind == Kind::Event && list.keep_newest_events(MOST_EVENTS) {
            return Err(Failure::TooMany(MOST_EVENTS));
        }
        Ok(())
    }
}

/// The path of a list.
pub(super) fn path(kind: Kind, version: &str, namespace: Option<&str>) -> String {
    let root = match kind.group() {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    };
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{}", kind.plural()),
        None => format!("{root}/{}", kind.plural()),
    }
}

fn url(path: &str, selector: Option<&str>, limit: Option<u32>, token: Option<&str>) -> Result<String, Failure> {
    let params = ListParams {
        field_selector: selector.map(ToOwned::to_owned),
        limit,
        continue_token: token.map(ToOwned::to_owned),
        ..ListParams::default()
    };
    let request = Request::new(path).list(&params).map_err(|error| Failure::Malformed(error.to_string()))?;
    Ok(request.uri().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(path(Kind::Pod, "v1", None), "/api/v1/pods");
        assert_eq!(path(Kind::Pod, "v1", Some("vault")), "/api/v1/namespaces/vault/pods");
        assert_eq!(path(Kind::StorageClass, "v1", None), "/apis/storage.k8s.io/v1/storageclasses");
    }

    #[test]
    fn a_token_cannot_add_parameters() {
        let url = url("/api/v1/pods", None, Some(500), Some("a&watch=true")).unwrap();
        assert!(!url.contains("&watch"), "{url}");
    }
}
