//! Names replaced by pseudonyms, so that a snapshot can be given away and still leads to the same verdicts.

mod fields;
mod pseudonyms;
mod words;

use serde_json::Value;

use fields::Redactor;

use crate::model::Kind;
use crate::snapshot::{Broken, Builder, Named, Problem, Scope, Snapshot};

/// The same snapshot with pseudonyms for names and label values. Names of drivers, resources, label keys, zones and
/// the words of Kubernetes itself stay. The key is random: two calls give different pseudonyms.
///
/// # Errors
/// Those of serde, which model types don't cause.
pub fn redact_names(snapshot: &Snapshot) -> serde_json::Result<Snapshot> {
    let mut redactor = Redactor::default();
    pass(&mut redactor, snapshot)?;
    redactor.names_are_known();
    let mut redacted = pass(&mut redactor, snapshot)?;
    redacted.server_version.clone_from(&snapshot.server_version);
    redacted.taken.clone_from(&snapshot.taken);
    redacted.renewed = snapshot.renewed;
    Ok(redacted.build(&Scope::Nothing(Problem::NotInDump)))
}

/// Walks over everything that holds names.
fn pass(redactor: &mut Redactor, snapshot: &Snapshot) -> serde_json::Result<Builder> {
    let mut builder = Builder::default();
    snapshot.each_object::<serde_json::Error>(|kind, mut object| {
        redactor.object(&mut object);
        if redactor.complete() { builder.add(kind, object) } else { Ok(()) }
    })?;
    for &kind in Kind::ALL {
        builder.cover(kind, scope(redactor, snapshot.scope(kind)));
    }
    for broken in snapshot.broken() {
        builder.note(redactor.broken(broken));
    }
    Ok(builder)
}

fn scope(redactor: &mut Redactor, scope: &Scope) -> Scope {
    let mut problem = |problem: &Problem| match problem {
        Problem::Failed(text) => Problem::Failed(redactor.text(text)),
        other => other.clone(),
    };
    match scope {
        Scope::All => Scope::All,
        Scope::Presumed => Scope::Presumed,
        Scope::Nothing(why) => Scope::Nothing(problem(why)),
        Scope::Named(asked, why) => {
            let why = problem(why);
            let mut one =
                |named: &Named| Named { namespace: redactor.name(&named.namespace), name: redactor.name(&named.name) };
            let mut asked: Vec<Named> = asked.iter().map(&mut one).collect();
            asked.sort();
            Scope::Named(asked, why)
        }
        Scope::Namespaces(names, why) => {
            let why = problem(why);
            let mut names: Vec<String> = names.iter().map(|name| redactor.name(name)).collect();
            names.sort();
            Scope::Namespaces(names, why)
        }
    }
}

impl Redactor {
    /// The error of an object that could not be decoded may quote it, so only that there was one is kept.
    fn broken(&mut self, broken: &Broken) -> Broken {
        let error = broken.error.split_once(':').map_or(broken.error.as_str(), |(what, _)| what);
        Broken {
            kind: broken.kind,
            namespace: self.name(&broken.namespace),
            name: self.name(&broken.name),
            origin: self.text(&broken.origin),
            error: self.text(error),
        }
    }

    fn object(&mut self, object: &mut Value) {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        self.walk(&kind, &kind, object);
    }
}
