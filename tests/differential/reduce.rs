//! The smallest cluster that still shows a difference.

use serde_json::{Value, json};
use storagewhy::model::version::Version;

use super::cluster::Cluster;
use super::compare::{Comparison, Difference, compare, read, verdicts};
use super::observe::{Outcome, observe};
use crate::support::api::path_of;
use crate::support::control_plane::ControlPlane;

/// How often the real control plane is asked at most.
const ATTEMPTS: usize = 40;

/// A cluster with what was seen of it.
pub struct Finding {
    pub cluster: Cluster,
    /// Every object of it once it had settled.
    pub list: Value,
    pub difference: Difference,
}

/// Compares a cluster; also gives what was seen.
pub fn run(plane: &mut ControlPlane, cluster: &Cluster) -> Result<(Value, Comparison), String> {
    let version: Version = plane.version.parse().unwrap();
    match observe(plane, cluster) {
        Outcome::Settled(list) => {
            let comparison = compare(&list, version, &cluster.configuration.parsed());
            Ok((list, comparison))
        }
        Outcome::Moving(what) => Err(format!("still moving: {what}")),
        Outcome::Refused(what) => Err(format!("refused: {what}")),
    }
}

/// Drops objects as long as the tool and the real control plane still differ on the subject: first all that don't
/// change what the tool says, then ever smaller parts.
pub fn reduce(plane: &mut ControlPlane, finding: Finding) -> Finding {
    let mut reducer = Reducer { plane, best: finding, attempts: 0 };
    let candidate = reducer.without_what_we_ignore();
    reducer.take(candidate);
    let mut size = reducer.best.cluster.objects.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < reducer.best.cluster.objects.len() {
            let end = (start + size).min(reducer.best.cluster.objects.len());
            let mut candidate = reducer.best.cluster.clone();
            candidate.objects.drain(start..end);
            if !reducer.take(candidate) {
                start = end;
            }
        }
        size /= 2;
    }
    reducer.best
}

struct Reducer<'a> {
    plane: &'a mut ControlPlane,
    best: Finding,
    attempts: usize,
}

impl Reducer<'_> {
    /// Takes a smaller cluster where the difference is still there.
    fn take(&mut self, candidate: Cluster) -> bool {
        if self.attempts == ATTEMPTS || !holds(&candidate, &self.best.difference.subject) {
            return false;
        }
        self.attempts += 1;
        let Ok((list, comparison)) = run(self.plane, &candidate) else { return false };
        let subject = &self.best.difference.subject;
        let Some(difference) = comparison.differences.into_iter().find(|found| &found.subject == subject) else {
            return false;
        };
        self.best = Finding { cluster: candidate, list, difference };
        true
    }

    /// The cluster with only those objects whose absence changes the tool's verdict.
    fn without_what_we_ignore(&self) -> Cluster {
        let version: Version = self.plane.version.parse().unwrap();
        let mut cluster = self.best.cluster.clone();
        let config = cluster.configuration.parsed();
        let subject = self.best.difference.subject.clone();
        let mut list = self.best.list.clone();
        let verdict = |list: &Value| verdicts(&read(list), version, &config).remove(&subject);
        let wanted = verdict(&list);
        for object in self.best.cluster.objects.iter().rev() {
            let path = path_of(object);
            let smaller = without(&list, &path);
            if object["kind"] != "Namespace" && verdict(&smaller) == wanted {
                list = smaller;
                cluster.objects.retain(|kept| path_of(kept) != path);
            }
        }
        cluster
    }
}

fn holds(cluster: &Cluster, subject: &str) -> bool {
    cluster.objects.iter().any(|object| {
        let meta = &object["metadata"];
        let text = |field: &str| meta[field].as_str().unwrap_or_default();
        subject.ends_with(&format!(" {}/{}", text("namespace"), text("name")))
    })
}

fn without(list: &Value, path: &str) -> Value {
    let items: Vec<&Value> =
        list["items"].as_array().into_iter().flatten().filter(|item| path_of(item) != path).collect();
    json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items })
}
