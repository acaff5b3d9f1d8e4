//! The smallest case that still shows a difference.

use std::collections::VecDeque;

use serde_json::Value;

use super::case::Case;
use super::compare::{Difference, compare};
use super::play::Stage;
use super::tool::preflight;

/// How often the real control plane is asked at most.
pub const ATTEMPTS: usize = 60;
/// Fields that an object can't do without.
const KEPT: [&str; 4] = ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"];
/// Counts that are halved.
const COUNTS: [&str; 3] = ["/spec/replicas", "/spec/parallelism", "/spec/completions"];
/// The lists of [`Case::lists`] whose objects lose fields: the documents, and what is applied before them.
const WITH_FIELDS: [usize; 2] = [0, 2];

/// A case with what was seen of it.
#[derive(Clone)]
pub struct Finding {
    pub case: Case,
    pub before: Value,
    pub difference: Difference,
}

/// Plays a case once, and compares; what differs on a subject.
pub fn again(stage: &mut Stage, case: &Case, subject: &str) -> Option<Finding> {
    let before = stage.set(case).ok()?;
    let report = preflight(case, &before, &stage.plane.version).ok()?;
    let run = stage.play(case, false).ok()?;
    let differences = compare(&report, &[run]).differences;
    let difference = differences.into_iter().find(|one| one.subject == subject)?;
    Some(Finding { case: case.clone(), before, difference })
}

/// Drops documents, objects and fields, and halves counts, as long as the judge still finds the difference; it is asked so
/// many times at most.
pub fn reduce(finding: Finding, attempts: usize, judge: impl FnMut(&Case) -> Option<Finding>) -> Finding {
    let mut reducer = Reducer { judge, best: finding, attempts };
    (0..4).for_each(|list| reducer.shorten(list));
    reducer.without(|case| case.webhooks.take().is_some());
    reducer.without(|case| case.prune.take().is_some());
    for list in WITH_FIELDS {
        for place in 0..reducer.best.case.lists()[list].len() {
            reducer.thin_out(list, place);
        }
    }
    for list in WITH_FIELDS {
        for place in 0..reducer.best.case.lists()[list].len() {
            COUNTS.iter().for_each(|count| reducer.halve(list, place, count));
        }
    }
    reducer.best
}

struct Reducer<J> {
    judge: J,
    best: Finding,
    /// How often the judge may still be asked.
    attempts: usize,
}

impl<J: FnMut(&Case) -> Option<Finding>> Reducer<J> {
    /// Drops ever smaller parts of one of the lists.
    fn shorten(&mut self, list: usize) {
        let length = |case: &mut Case| case.lists()[list].len();
        let mut size = length(&mut self.best.case).div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < length(&mut self.best.case) {
                let mut candidate = self.best.case.clone();
                let end = (start + size).min(candidate.lists()[list].len());
                candidate.lists()[list].drain(start..end);
                if !self.take(candidate) {
                    start = end;
                }
            }
            size /= 2;
        }
    }

    /// Changes the whole case, where that takes anything away.
    fn without(&mut self, change: impl Fn(&mut Case) -> bool) {
        let mut candidate = self.best.case.clone();
        if change(&mut candidate) {
            self.take(candidate);
        }
    }

    /// Takes fields and elements away from an object, those that hold others first.
    fn thin_out(&mut self, list: usize, place: usize) {
        let mut open: VecDeque<String> = self.inside(list, place, "").into();
        while let Some(pointer) = open.pop_front() {
            let mut candidate = self.best.case.clone();
            let kept = KEPT.iter().any(|kept| kept.starts_with(&pointer));
            if !kept && remove(&mut candidate.lists()[list][place], &pointer) && self.take(candidate) {
                continue;
            }
            open.extend(self.inside(list, place, &pointer));
        }
    }

    /// The pointers to what stands directly below one, the last element of a list first.
    fn inside(&mut self, list: usize, place: usize, pointer: &str) -> Vec<String> {
        match self.best.case.lists()[list][place].pointer(pointer) {
            Some(Value::Object(fields)) => {
                fields.keys().map(|name| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))).collect()
            }
            Some(Value::Array(items)) => (0..items.len()).rev().map(|place| format!("{pointer}/{place}")).collect(),
            _ => Vec::new(),
        }
    }

    /// Halves a count as often as that goes, down to one.
    fn halve(&mut self, list: usize, place: usize, pointer: &str) {
        loop {
            let mut candidate = self.best.case.clone();
            let Some(count) = candidate.lists()[list][place].pointer_mut(pointer) else { return };
            let Some(half) = count.as_u64().filter(|count| *count > 1).map(|count| count / 2) else { return };
            *count = half.into();
            if !self.take(candidate) {
                return;
            }
        }
    }

    /// Takes a smaller case where the difference is still there.
    fn take(&mut self, candidate: Case) -> bool {
        if self.attempts == 0 || candidate.documents.is_empty() && candidate.deleted.is_empty() {
            return false;
        }
        self.attempts -= 1;
        let Some(finding) = (self.judge)(&candidate) else { return false };
        self.best = finding;
        true
    }
}

/// Takes away what a pointer leads to.
fn remove(object: &mut Value, pointer: &str) -> bool {
    let Some((holder, name)) = pointer.rsplit_once('/') else { return false };
    match object.pointer_mut(holder) {
        Some(Value::Object(fields)) => fields.remove(&name.replace("~1", "/").replace("~0", "~")).is_some(),
        Some(Value::Array(items)) => match name.parse::<usize>().ok().filter(|place| *place < items.len()) {
            Some(place) => {
                items.remove(place);
                true
            }
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(name: &str, replicas: usize) -> Value {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "namespace": "app", "labels": { "a/b": "c" } },
            "spec": { "replicas": replicas, "strategy": { "type": "Recreate" }, "template": { "spec": {
                "priorityClassName": "high", "containers": [
                    { "name": "main", "image": "x", "resources": { "requests": { "cpu": "3", "memory": "1Gi" } } },
                    { "name": "side", "image": "y" }] } } } })
    }

    fn large() -> Case {
        let quota = |name: &str| json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": name } });
        Case {
            objects: ["a", "b", "guilty", "c", "d"].map(quota).to_vec(),
            applied: vec![workload("old0", 4), workload("old1", 5), workload("old2", 6)],
            documents: vec![workload("new0", 3), workload("guilty", 9), workload("new1", 7), workload("new2", 2)],
            deleted: vec![workload("old2", 6)],
            webhooks: Some(json!({})),
            prune: Some(String::new()),
            ..Case::default()
        }
    }

    fn named<'v>(list: &'v [Value], name: &str) -> Option<&'v Value> {
        list.iter().find(|object| object["metadata"]["name"] == name)
    }

    fn found(case: &Case, subject: &str) -> Finding {
        let difference = Difference { subject: subject.to_owned(), real: Vec::new(), ours: String::new() };
        Finding { case: case.clone(), before: Value::Null, difference }
    }

    /// A difference that shows where a document asks for so much with at least two replicas, beside a certain quota.
    fn planted(case: &Case) -> Option<Finding> {
        let guilty = named(&case.documents, "guilty")?;
        let cpu = guilty.pointer("/spec/template/spec/containers/0/resources/requests/cpu");
        let shows = cpu == Some(&json!("3")) && guilty["spec"]["replicas"].as_u64() >= Some(2);
        (shows && named(&case.objects, "guilty").is_some()).then(|| found(case, "placed"))
    }

    #[test]
    fn a_difference_is_shrunk_to_what_it_takes() {
        let mut asked = 0;
        let small = reduce(found(&large(), "placed"), 200, |case| {
            asked += 1;
            planted(case)
        });
        let Case { objects, applied, deleted, documents, webhooks, prune, .. } = small.case;
        assert_eq!((objects.len(), applied.len(), deleted.len(), documents.len()), (1, 0, 0, 1));
        assert_eq!((webhooks, prune), (None, None));
        let containers = json!([{ "resources": { "requests": { "cpu": "3" } } }]);
        let least = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "guilty", "namespace": "app" },
            "spec": { "replicas": 2, "template": { "spec": { "containers": containers } } } });
        assert_eq!(documents[0], least);
        assert!(asked <= 60, "{asked} questions");
    }

    #[test]
    fn the_judge_is_asked_only_so_often_and_what_it_does_not_see_stays() {
        let mut asked = 0;
        let same = reduce(found(&large(), "placed"), 7, |_| {
            asked += 1;
            None
        });
        assert_eq!(asked, 7);
        assert_eq!(same.case.text(), large().text());
    }
}
