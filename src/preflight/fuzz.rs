//! Manifests as nobody would write them, read, checked and sent to the server: nothing panics, hangs, or says a place that
//! is not there.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::manifests::{Document, read, strict};
use super::server::{self, Outcome, Request};
use super::world::World;
use crate::model::version::Version;
use crate::source::manifests::ManifestFile;

/// What one run may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// Documents that runs start from.
const SEEDS: [&str; 5] = [
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: default\n  labels: &l {app: a}\nspec:\n  containers:\n  - name: c\n    \
     image: i\n    resources:\n      requests: {cpu: 100m, memory: 1Gi}\n    ports:\n    - {containerPort: 80, hostPort: 80}\n  \
     volumes:\n  - name: v\n    persistentVolumeClaim: {claimName: x}\n  tolerations:\n  - operator: Exists\n",
    "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: b}\nspec:\n  replicas: 3\n  serviceName: b\n  selector:\n    \
     matchLabels: &m\n      app: b\n  template:\n    metadata:\n      labels:\n        <<: *m\n        tier: \"1\"\n    spec:\n      \
     containers: [{name: c, image: i}]\n  volumeClaimTemplates:\n  - metadata: {name: d}\n    spec:\n      accessModes: \
     [ReadWriteOnce]\n      resources: {requests: {storage: 1Gi}}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: w\n  annotations:\n    note: |\n      several\n      lines\nspec:\n  \
     selector: {matchLabels: {a: b}}\n  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}\n  template:\n    metadata: \
     {labels: {a: b}}\n    spec:\n      affinity:\n        podAntiAffinity:\n          requiredDuringSchedulingIgnoredDuringExecution:\n          \
     - topologyKey: k\n            labelSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}\n      containers:\n      \
     - name: c\n        image: i\n        env: [{name: A, value: \"1\"}]\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"PersistentVolumeClaim\", \"metadata\": \
     {\"name\": \"c\"}, \"spec\": {\"accessModes\": [\"ReadWriteOnce\"], \"resources\": {\"requests\": {\"storage\": \"1Gi\"}}}}]}",
    "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec:\n  hard: {pods: 3, requests.cpu: \"1\"}\n  scopeSelector:\n    \
     matchExpressions:\n    - {scopeName: PriorityClass, operator: In, values: [high]}\n---\napiVersion: batch/v1\nkind: CronJob\n\
     metadata: {name: j}\nspec:\n  schedule: \"* * * * *\"\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          \
     restartPolicy: Never\n          containers: [{name: c, image: i}]\n",
];

/// What is put into texts.
const SCRAPS: [&str; 46] = [
    "---\n",
    "...\n",
    "&a ",
    "*a",
    "*l",
    "*m",
    "<<: *m",
    "<<: [*m, *l]",
    "!!int ",
    "!!binary ",
    "! ",
    "? ",
    ": ",
    "- ",
    "|",
    ">-",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "#",
    " # storagewhy: allow(x) y\n",
    "\t",
    "\n",
    "\r\n",
    "\u{feff}",
    "\u{0}",
    "é",
    "\u{202e}",
    "null",
    "~",
    "yes",
    "017",
    "0x7fffffffffffffff",
    "-1",
    "1e308",
    ".inf",
    "99999999999999999999",
    "1Gi",
    "%YAML 1.1\n",
    "{{ .x }}",
    "{}",
    "[]",
    "\\",
];

/// Numbers without an order that one can see (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    /// A position between two characters.
    fn at(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn text(&mut self) -> String {
        let mut text = self.of(&SEEDS).to_owned();
        if self.below(4) == 0 {
            text = format!("{text}---\n{}", self.of(&SEEDS));
        }
        for _ in 0..self.below(5) {
            let (one, other) = (self.at(&text), self.at(&text));
            let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 40));
            let to = (from..=to).rev().find(|to| text.is_char_boundary(*to)).unwrap_or(from);
            match self.below(6) {
                0 => text.replace_range(from..to, ""),
                1 => text.replace_range(from..to, self.of(&SCRAPS)),
                2 => {
                    let piece = text[from..to].to_owned();
                    let at = self.at(&text);
                    text.insert_str(at, &piece);
                }
                3 => text.insert_str(from, &self.of(&SCRAPS).repeat(1 + self.below(200))),
                _ => text.insert_str(from, self.of(&SCRAPS)),
            }
        }
        text
    }

    /// Another value somewhere in an object.
    fn change(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && self.below(8) > 0 => {
                let index = self.below(fields.len());
                if let Some(field) = fields.values_mut().nth(index) {
                    self.change(field);
                }
            }
            Value::Array(items) if !items.is_empty() && self.below(8) > 0 => {
                let index = self.below(items.len());
                self.change(&mut items[index]);
            }
            other => {
                let values =
                    ["null", "1", "-1", "\"x\"", "{}", "[]", "[{}]", "{\"a\": 1}", "true", "\"1Gi\"", "[null]", "1.5"];
                *other = serde_json::from_str(self.of(&values)).unwrap_or_default();
            }
        }
    }
}

/// Every path of an object.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let plain = !key.is_empty() && !key.contains(['.', '[', ']']);
                if plain {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    paths(value, &path, found);
                    found.push(path);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn check_places(text: &str, document: &Document) {
    let lines = text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() + 2;
    let mut all = Vec::new();
    paths(&document.object, "", &mut all);
    for path in all.iter().take(200) {
        let region = document.region(path);
        assert!(region.line >= 1 && region.line <= lines && region.column >= 1, "{path} at {region:?} of\n{text}");
    }
}

/// One run, and once more where it took long: the machine may have slept.
fn once(chance: &mut Chance) {
    let again = chance.0;
    let took = timed(chance);
    if took > PATIENCE {
        let second = timed(&mut Chance(again));
        assert!(second < PATIENCE, "{took:?}, then {second:?} from {again:#x}");
    }
}

fn timed(chance: &mut Chance) -> Duration {
    let begun = Instant::now();
    let text = chance.text();
    let manifests = read(&[ManifestFile { name: "m".to_owned(), renderer: None, text: Ok(text.clone()) }]);
    let version = Version::new(1, u32::try_from(24 + chance.below(14)).unwrap_or(37));
    let mut world = World::default();
    for document in manifests.documents.iter().take(4) {
        check_places(&text, document);
        let mut changed = document.object.clone();
        for object in [document.object.clone(), {
            chance.change(&mut changed);
            changed
        }] {
            let decoded = strict::decode(&object, version.minor);
            assert!(decoded.unknown.len() <= 100);
            let answer = server::request(&world, Request::Apply, object, "default", version);
            if let Outcome::Admitted(object) = answer.outcome {
                let key = server::key(&world, &object, "default");
                world.put(key, *object);
            }
        }
    }
    begun.elapsed()
}

fn runs(seed: u64, number: usize) {
    let mut chance = Chance(seed);
    (0..number).for_each(|_| once(&mut chance));
}

#[test]
fn manifests_that_nobody_would_write_are_read_and_answered() {
    runs(0x5eed, 3_000);
}

#[test]
#[ignore = "takes many minutes; each has its own seed"]
fn a_million_manifests_that_nobody_would_write_are_read_and_answered() {
    std::thread::scope(|scope| {
        for seed in [0x9e37_79b9_u64, 0x85eb_ca6b] {
            scope.spawn(move || runs(seed, 500_000));
        }
    });
}
