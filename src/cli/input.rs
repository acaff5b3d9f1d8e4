//! Where the facts come from: the cluster, a dump or an example.

use clap::Args;
use jiff::Timestamp;

use super::connection::ConnectionArgs;
use super::error::CliError;
use super::namespace::NamespaceArgs;
use super::progress::Progress;
use super::{example, terminal};
use crate::diagnosis::more::MoreRules;
use crate::diagnosis::{Options, Scope};
use crate::engine::{self, Diagnosis};
use crate::model::Kind;
use crate::snapshot::{Demand, Snapshot};
use crate::source::dump;
use crate::source::live::{self, Session, Wanted};
use crate::source::raw::{RawFilter, RawObjects};

/// Names of broken objects that are written out.
const BROKEN: usize = 5;

/// The source of facts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Read a file, folder or archive in place of the cluster: a collected snapshot, `kubectl get -o json` or yaml, a
    /// must-gather, a support bundle; - is standard input
    #[arg(long, value_name = "PATH", conflicts_with = "example")]
    pub(crate) from: Option<String>,
    /// Read an example that is built in: topolvm
    #[arg(long, value_name = "NAME")]
    pub(crate) example: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What was read.
pub(crate) struct Input {
    pub(crate) snapshot: Snapshot,
    /// The namespace in scope; `None` for all.
    pub(crate) namespace: Option<String>,
    /// The cluster, where it is one.
    cluster: Option<Session>,
}

/// What was read of the facts and of the objects as the server has them.
pub(crate) struct Kept {
    pub(crate) snapshot: Snapshot,
    pub(crate) raw: RawObjects,
    /// The cluster, where it is one.
    pub(crate) cluster: Option<Session>,
}

/// How often more is read: what is found may lead to more.
const ROUNDS: usize = 4;

impl Input {
    /// Diagnoses what is in scope, and reads from a cluster what causes depend on.
    pub(crate) fn diagnose(&mut self, more: &dyn MoreRules, scope: &Scope, options: &Options) -> Diagnosis {
        for _ in 0..ROUNDS {
            let Some(cluster) = &self.cluster else { break };
            match engine::diagnose_or_demand(more, &self.snapshot, scope, options) {
                Ok(diagnosis) => return diagnosis,
                Err(demands) => read_more(cluster, &mut self.snapshot, &demands),
            }
        }
        engine::diagnose_and_more(more, &self.snapshot, scope, options)
    }

    /// Reads from a cluster what causes in scope depend on.
    pub(crate) fn complete(&mut self, scope: &Scope, options: &Options) {
        for _ in 0..ROUNDS {
            let Some(cluster) = &self.cluster else { return };
            let demands = engine::demands(&self.snapshot, scope, options);
            if demands.is_empty() {
                return;
            }
            read_more(cluster, &mut self.snapshot, &demands);
        }
    }
}

fn read_more(cluster: &Session, snapshot: &mut Snapshot, demands: &[Demand]) {
    let progress = Progress::begin("reading more");
    cluster.more(snapshot, demands, &|news| progress.say(news));
}

impl InputArgs {
    /// Reads the kinds. Objects that could not be understood are told on stderr. Of a dump every namespace is in scope
    /// where none is named, of a cluster the context's.
    ///
    /// # Errors
    /// Where nothing could be read.
    pub(crate) fn read(&self, namespace: &NamespaceArgs, kinds: &[Kind]) -> Result<Input, CliError> {
        let input = match (&self.from, &self.example) {
            (Some(from), _) => {
                let _progress = Progress::begin("reading the dump");
                Input { snapshot: dump::read(from)?, namespace: namespace.resolve(None), cluster: None }
            }
            (None, Some(name)) => {
                Input { snapshot: example::read(name)?, namespace: namespace.resolve(None), cluster: None }
            }
            (None, None) => self.read_cluster(namespace, kinds)?,
        };
        input.snapshot.warnings.iter().for_each(|warning| terminal::warn(warning));
        warn_of_broken(&input.snapshot);
        Ok(input)
    }

    /// The namespace of the context; `None` where no cluster is asked.
    ///
    /// # Errors
    /// Where the kubeconfig is wrong.
    pub(crate) fn current_namespace(&self) -> Result<Option<String>, CliError> {
        match (&self.from, &self.example) {
            (None, None) => Ok(Some(live::current_namespace(&self.connection.options())?)),
            _ => Ok(None),
        }
    }

    /// Reads every kind, and the objects that `raw` asks for as the server has them.
    ///
    /// # Errors
    /// Where nothing could be read.
    pub(crate) fn read_keeping(&self, raw: RawFilter) -> Result<Kept, CliError> {
        if let Some(from) = &self.from {
            let _progress = Progress::begin("reading the dump");
            let (snapshot, objects) = dump::read_keeping(from, raw)?;
            snapshot.warnings.iter().for_each(|warning| terminal::warn(warning));
            warn_of_broken(&snapshot);
            return Ok(Kept { snapshot, raw: RawObjects { objects, ..RawObjects::default() }, cluster: None });
        }
        let Input { snapshot, cluster, .. } = self.read(&NamespaceArgs::all(), Kind::ALL)?;
        let raw = cluster.as_ref().map_or_else(RawObjects::default, |cluster| cluster.raw(&raw));
        Ok(Kept { snapshot, raw, cluster })
    }

    #[expect(clippy::disallowed_methods, reason = "the command line reads the clock")]
    fn read_cluster(&self, namespace: &NamespaceArgs, kinds: &[Kind]) -> Result<Input, CliError> {
        let options = self.connection.options();
        let namespace = namespace.resolve(Some(&live::current_namespace(&options)?));
        let progress = Progress::begin("connecting");
        let wanted =
            Wanted { kinds: kinds.to_vec(), namespace: namespace.clone(), taken: Some(Timestamp::now().to_string()) };
        let cluster = Session::open(&options)?;
        let snapshot = cluster.read(&wanted, &|news| progress.say(news))?;
        Ok(Input { snapshot, namespace, cluster: Some(cluster) })
    }
}

fn warn_of_broken(snapshot: &Snapshot) {
    let broken = snapshot.broken();
    for object in broken.iter().take(BROKEN) {
        let name = if object.name.is_empty() { "without a name" } else { object.name.as_str() };
        terminal::warn(&format!("{} {name} left out: {} ({})", object.kind, object.error, object.origin));
    }
    if broken.len() > BROKEN {
        terminal::warn(&format!("… and {} more objects left out", broken.len() - BROKEN));
    }
}
