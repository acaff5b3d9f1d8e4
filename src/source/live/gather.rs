//! Reads all wanted kinds side by side and makes the snapshot, whatever could be read; then what causes depend on.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::connect::connect;
use super::dry_run::{self, Asked, Patch};
use super::failure::Failure;
use super::list::{Outcome, Reader};
use super::options::{Options, Wanted, is_label};
use super::request::Server;
use super::single;
use crate::model::Kind;
use crate::snapshot::{Builder, Demand, Problem, Scope, Snapshot};
use crate::source::SourceError;
use crate::source::dry_run::{Answered, Subject};
use crate::source::raw::{RawFilter, RawObjects};

/// Lists that are read at a time.
const PARALLEL: usize = 6;

/// Objects that are asked for at once.
const MOST_DEMANDS: usize = 200;

/// Namespaces whose finished pods are read.
const MOST_NAMESPACES: usize = 20;

/// How long the server's version may take when everything else was read.
const PATIENCE_FOR_VERSION: Duration = Duration::from_secs(2);

/// What a request is for.
enum Done {
    Version(Option<String>),
    Kind(Kind, Outcome),
}

/// What the run has so far.
#[derive(Default)]
struct Progress {
    version: Option<String>,
    outcomes: BTreeMap<Kind, Outcome>,
}

/// A server, and until when it may be asked.
pub(super) struct Open {
    server: Server,
    address: String,
    namespace: String,
    allowed: Duration,
    deadline: Instant,
}

impl Open {
    /// Connects.
    pub(super) async fn new(options: &Options) -> Result<Self, SourceError> {
        let deadline = Instant::now() + options.deadline();
        let connection = connect(options).await?;
        let server = Server::new(connection.client, options);
        let (address, namespace) = (connection.server, connection.namespace);
        Ok(Self { server, address, namespace, allowed: options.deadline(), deadline })
    }

    /// Reads objects that causes depend on, as far as the server lets it, and adds them to the snapshot.
    pub(super) async fn more(&self, snapshot: &mut Snapshot, demands: &[Demand], progress: &dyn Fn(&str)) {
        let demands: Vec<&Demand> = demands
            .iter()
            .filter(|demand| demand.object.as_ref().is_none_or(single::safe))
            .take(MOST_DEMANDS)
            .collect();
        let jobs = demands
            .into_iter()
            .map(|demand| async move { (demand, timeout_at(self.deadline, self.one(demand, progress)).await) });
        let mut jobs = std::pin::pin!(futures::stream::iter(jobs).buffer_unordered(PARALLEL));
        while let Some((demand, answer)) = jobs.next().await {
            let mut builder = Builder::default();
            let result = match answer {
                Ok(Ok(read)) => {
                    builder = read;
                    Ok(())
                }
                Ok(Err(failure)) => Err(failure),
                Err(_) => Err(Failure::Late(self.allowed)),
            };
            builder.cover(demand.kind, scope_after(snapshot.scope(demand.kind), demand, result.err()));
            snapshot.absorb(builder);
        }
    }

    /// Reads objects as the server has them.
    pub(super) async fn raw(&self, filter: &RawFilter) -> RawObjects {
        super::raw::read(&self.server, self.deadline, filter).await
    }

    /// Asks the server what it would do with objects.
    pub(super) async fn dry_run(&self, subjects: &[Subject], patch: &Patch<'_>) -> Vec<Answered> {
        let asked = Asked { server: &self.server, deadline: self.deadline, allowed: self.allowed };
        dry_run::ask(&asked, subjects, patch).await
    }

    async fn one(&self, demand: &Demand, progress: &dyn Fn(&str)) -> Result<Builder, Failure> {
        let mut builder = Builder::default();
        match &demand.object {
            Some(object) => single::read(&self.server, demand.kind, object, &mut builder).await?,
            None => {
                let wanted = Wanted::default();
                let reader = Reader::new(&self.server, &wanted, &self.namespace, progress);
                let outcome = reader.kind(demand.kind).await;
                if let Some(failure) = outcome.failure {
                    return Err(failure);
                }
                reader.into_lists().into_iter().for_each(|list| builder.absorb(list));
            }
        }
        Ok(builder)
    }
}

/// How much of a kind was read when an answer has come.
fn scope_after(before: &Scope, demand: &Demand, failure: Option<Failure>) -> Scope {
    let mut named = match before {
        Scope::Named(named, _) => named.clone(),
        _ => Vec::new(),
    };
    match (failure, &demand.object) {
        (None, None) => Scope::All,
        (None, Some(object)) => {
            named.push(object.clone());
            named.sort();
            let problem = before.problem().cloned().unwrap_or(Problem::NotRequested);
            Scope::Named(named, problem)
        }
        (Some(failure), _) if named.is_empty() => Scope::Nothing(failure.problem()),
        (Some(failure), _) => Scope::Named(named, failure.problem()),
    }
}

/// Reads what is wanted.
pub(super) async fn gather(open: &Open, wanted: &Wanted, progress: &dyn Fn(&str)) -> Result<Snapshot, SourceError> {
    let Open { server, deadline, .. } = open;
    let reader = Reader::new(server, wanted, &open.namespace, progress);
    let mut kinds: Vec<Kind> = wanted.kinds.iter().copied().filter(|kind| kind.listed()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut done = read_all(server, &reader, &kinds, *deadline).await;
    for kind in &kinds {
        done.outcomes.entry(*kind).or_insert_with(|| Outcome::failed(Failure::Late(open.allowed)));
    }
    let mut builder = Builder::default();
    builder.server_version = done.version;
    builder.taken.clone_from(&wanted.taken);
    reader.into_lists().into_iter().for_each(|list| builder.absorb(list));
    if let Some(failure) = nothing_read(&done.outcomes, &builder) {
        return Err(failure.fatal(&open.address));
    }
    if kinds.contains(&Kind::Pod) {
        add_finished_pods(open, wanted, progress, &mut builder).await;
    }
    for (kind, outcome) in done.outcomes {
        builder.cover(kind, outcome.scope);
    }
    Ok(builder.build(&Scope::Nothing(Problem::NotRequested)))
}

/// Reads the pods that have ended in namespaces in which a claim is being deleted: they keep it from going.
async fn add_finished_pods(open: &Open, wanted: &Wanted, progress: &dyn Fn(&str), builder: &mut Builder) {
    let reader = Reader::new(&open.server, wanted, &open.namespace, progress);
    let of_interest = |name: &&str| is_label(name) && wanted.namespace.as_deref().is_none_or(|wanted| wanted == *name);
    let namespaces = builder.namespaces_of_ending_claims().into_iter().filter(of_interest).take(MOST_NAMESPACES);
    let jobs = namespaces.map(|namespace| reader.finished_pods(namespace));
    let all = futures::stream::iter(jobs).buffer_unordered(PARALLEL).for_each(|()| async {});
    let _late = timeout_at(open.deadline, all).await;
    reader.into_lists().into_iter().for_each(|list| builder.absorb(list));
}

/// Reads until everything is read, the deadline passes, or it is clear that the server cannot be reached.
async fn read_all(server: &Server, reader: &Reader<'_>, kinds: &[Kind], mut deadline: Instant) -> Progress {
    let mut progress = Progress::default();
    let jobs = std::iter::once(None).chain(kinds.iter().copied().map(Some)).map(|job| async move {
        match job {
            None => Done::Version(version(server).await),
            Some(kind) => Done::Kind(kind, reader.kind(kind).await),
        }
    });
    let mut jobs = std::pin::pin!(futures::stream::iter(jobs).buffer_unordered(PARALLEL));
    while let Ok(Some(done)) = timeout_at(deadline, jobs.next()).await {
        match done {
            Done::Version(version) => progress.version = version,
            Done::Kind(kind, outcome) => {
                let hopeless = !server.answered() && outcome.failure.as_ref().is_some_and(Failure::no_contact);
                progress.outcomes.insert(kind, outcome);
                if hopeless {
                    break;
                }
            }
        }
        if progress.outcomes.len() == kinds.len() {
            deadline = deadline.min(Instant::now() + PATIENCE_FOR_VERSION);
        }
    }
    progress
}

/// The server's version, where it says so.
async fn version(server: &Server) -> Option<String> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "gitVersion")]
        git_version: String,
    }
    let text = server.get("/version").await.ok()?;
    serde_json::from_str::<Info>(&text).ok().map(|info| info.git_version).filter(|version| !version.is_empty())
}

/// The failure to report where not one kind could be read.
fn nothing_read(outcomes: &BTreeMap<Kind, Outcome>, read: &Builder) -> Option<Failure> {
    let failed =
        |(kind, outcome): (&Kind, &Outcome)| matches!(outcome.scope, Scope::Nothing(_)) && read.count(*kind) == 0;
    if outcomes.is_empty() || !outcomes.iter().all(failed) {
        return None;
    }
    let failures = outcomes.values().filter_map(|outcome| outcome.failure.as_ref());
    failures.min_by_key(|failure| rank(failure)).cloned()
}

/// Which of several failures says most about the cause.
fn rank(failure: &Failure) -> u8 {
    match failure {
        Failure::Unreachable(_) => 0,
        Failure::Unauthorized => 1,
        Failure::Page(_) | Failure::Redirect(_) => 2,
        Failure::Forbidden(_) => 3,
        Failure::Silent(_) => 4,
        Failure::Status(..) | Failure::Interrupted(_) => 5,
        Failure::Malformed(_) | Failure::TooLarge(_) | Failure::TooMany(_) => 6,
        Failure::Late(_) => 7,
        Failure::Expired | Failure::NotFound => 8,
    }
}
