//! Manifests as nobody would write them, read, checked and sent to the server: nothing panics, hangs, or says a place that
//! is not there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::manifests::{Document, read, strict};
use super::server::{self, Action, Outcome, Request};
use super::world::{Key, World};
use crate::model::version::Version;
use crate::source::manifests::{ManifestFile, decode};

/// What one run may take on a machine that others keep busy; alone it is half a second for the worst.
const PATIENCE: Duration = Duration::from_secs(20);

/// Documents that runs start from.
const SEEDS: [&str; 10] = [
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
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: PodList\n  items:\n  - metadata: {name: p}\n    spec:\n      \
     containers: [{name: c, image: i}]\n- kind: List\n  apiVersion: v1\n  items: []\n- apiVersion: v1\n  kind: Service\n  \
     metadata: {name: s}\n  spec:\n    ports: [{port: 80, name: http}, {port: 81, name: other}]\n    clusterIP: None\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n  annotations: &a0 {a: x}\nb1: &a1 [*a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0]\n\
     b2: &a2 [*a1, *a1, *a1, *a1, *a1, *a1, *a1, *a1]\nb3: &a3 [*a2, *a2, *a2, *a2, *a2, *a2, *a2, *a2]\nb4: &a4 [*a3, *a3, *a3, *a3, \
     *a3, *a3, *a3, *a3]\nb5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]\nb6: &a6 [*a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5]\nb7: \
     [*a6, *a6, *a6, *a6, *a6, *a6, *a6, *a6]\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: w\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: \
     '{\"spec\":{\"template\":{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":[{\"name\":\"old\"},null,1,\
     {\"name\":\"c\",\"ports\":[{\"containerPort\":1},{}]}]}}}}'\nspec:\n  selector: {matchLabels: {a: b}}\n  strategy: \
     {$retainKeys: [type], type: Recreate}\n  template:\n    metadata: {labels: {a: b}, finalizers: [x/y]}\n    spec:\n      \
     $setElementOrder/containers: [{name: c}, {name: d}]\n      containers:\n      - {name: c, image: i, $patch: replace}\n      \
     - {name: d, $patch: delete}\n      volumes:\n      - {name: v, emptyDir: {}}\n      - $patch: replace\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"s\"}, \"spec\": {\"ports\": [{\"port\": 80}]}}\n{\"apiVersion\": \
     \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"n\", \"finalizers\": [\"a/b\"]}}\n---\napiVersion: v1\nkind: Namespace\n",
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec:\n  tls: [{hosts: [a.example.com], secretName: t}]\n  \
     rules:\n  - host: \"*.example.com\"\n    http:\n      paths:\n      - {path: /a, pathType: Prefix, backend: {service: {name: s, port: \
     {number: 80}}}}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n  podSelector: \
     {matchLabels: {a: b}}\n  policyTypes: [Ingress]\n  ingress:\n  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]\n    \
     ports: [{port: 80, endPort: 90}, {port: http}]\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n\
     spec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: w}\n  minReplicas: 1\n  maxReplicas: 5\n  metrics:\n  - type: \
     Resource\n    resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}\n  behavior: {scaleDown: {policies: [{type: \
     Percent, value: 10, periodSeconds: 60}]}}\n",
];

/// What is put into texts.
const SCRAPS: [&str; 57] = [
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
    "--- # note\n",
    "---\t\n",
    "--- x\n",
    "--- |\n",
    "-----\n",
    "$patch: delete\n",
    "$retainKeys: [a]\n",
    "$setElementOrder/ports: [{port: 80}, 1]\n",
    "$deleteFromPrimitiveList/finalizers: [x/y]\n",
    "items: ",
    "\u{2028}",
];

/// What opens something, many times over.
const OPENERS: [&str; 7] = ["[", "{", "{a: ", "- ", "a:\n ", "? ", "{\"a\":["];

/// Members that say how an object is merged.
const DIRECTIVES: [(&str, &str); 6] = [
    ("$patch", "\"delete\""),
    ("$patch", "\"replace\""),
    ("$retainKeys", "[\"a\", 1]"),
    ("$setElementOrder/containers", "[{\"name\": \"d\"}, null]"),
    ("$deleteFromPrimitiveList/finalizers", "[\"x/y\"]"),
    ("items", "[{\"items\": []}, 1]"),
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
        self.wide(text)
    }

    /// A text with something in it that is long, deep or of another system, now and then.
    fn wide(&mut self, text: String) -> String {
        let at = self.at(&text);
        let (before, after) = text.split_at(at);
        match self.below(60) {
            0..=4 => text.replace('\n', "\r\n"),
            5 => text.replace('\n', "\r"),
            6 => format!("\u{feff}{text}"),
            7 => format!("{before}{}{after}", "é".repeat(1 << self.below(17))),
            8 => format!("{before}{}{after}", self.of(&OPENERS).repeat(1 << self.below(14))),
            _ => text,
        }
    }

    /// The bytes of a text, some of them others now and then.
    fn bytes(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        if self.below(20) == 0 {
            let at = self.below(bytes.len() + 1);
            let strange: [&[u8]; 6] = [b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80", b"\xe2\x80"];
            bytes.splice(at..at, strange[self.below(strange.len())].iter().copied());
        }
        if self.below(100) == 0 {
            bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            bytes.splice(0..0, [0xff, 0xfe]);
            bytes.truncate(bytes.len() - self.below(2));
        }
        bytes
    }

    /// Another value somewhere in an object.
    fn change(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if self.below(12) == 0 => {
                let (key, value) = DIRECTIVES[self.below(DIRECTIVES.len())];
                fields.insert(key.to_owned(), serde_json::from_str(value).unwrap_or_default());
            }
            Value::Array(items) if !items.is_empty() && self.below(12) == 0 => {
                let twice = items[self.below(items.len())].clone();
                items.insert(self.below(items.len() + 1), twice);
            }
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

/// How often runs came to something.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    /// Texts that could not be read as a whole.
    unreadable: usize,
    documents: usize,
    /// Objects with fields that their kind doesn't have.
    strict: usize,
    created: usize,
    /// Objects that were merged with one that is there, and taken.
    merged: usize,
}

/// One run, and once more where it took long: the machine may have slept.
fn once(chance: &mut Chance, reached: &mut Reached) {
    let again = chance.0;
    let run = catch_unwind(AssertUnwindSafe(|| timed(chance, reached)));
    let took = run.unwrap_or_else(|_| panic!("it panics from {again:#x}"));
    if took > PATIENCE {
        let second = timed(&mut Chance(again), reached);
        assert!(second < PATIENCE, "{took:?}, then {second:?} from {again:#x}");
    }
}

fn timed(chance: &mut Chance, reached: &mut Reached) -> Duration {
    let begun = Instant::now();
    let text = chance.text();
    let text = decode(chance.bytes(&text));
    reached.unreadable += usize::from(text.is_err());
    let manifests = read(&[ManifestFile { name: "m".to_owned(), renderer: None, text: text.clone() }]);
    let version = Version::new(1, u32::try_from(24 + chance.below(14)).unwrap_or(37));
    let mut world = ground();
    for document in manifests.documents.iter().take(4) {
        reached.documents += 1;
        check_places(text.as_deref().unwrap_or_default(), document);
        let mut changed = document.object.clone();
        send(&mut world, document.object.clone(), version, reached);
        for _ in 0..3 {
            chance.change(&mut changed);
            send(&mut world, changed.clone(), version, reached);
        }
        send(&mut world, document.object.clone(), version, reached);
    }
    begun.elapsed()
}

/// What namespaced objects and pods need to be taken.
fn ground() -> World {
    let mut world = World::default();
    for (kind, namespace) in [("Namespace", None), ("ServiceAccount", Some("default".to_owned()))] {
        let metadata = json!({"name": "default", "namespace": namespace});
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "status": {"phase": "Active"}});
        world.put(Key { kind: kind.to_owned(), namespace, name: "default".to_owned() }, object);
    }
    world
}

/// Applies an object, and stores it where it is taken.
fn send(world: &mut World, object: Value, version: Version, reached: &mut Reached) {
    let decoded = strict::decode(&object, version.minor);
    assert!(decoded.unknown.len() <= 100);
    reached.strict += usize::from(!decoded.unknown.is_empty());
    let answer = server::request(world, Request::Apply, object, "default", version);
    if let Outcome::Admitted(object) = answer.outcome {
        reached.created += usize::from(answer.action == Action::Create);
        reached.merged += usize::from(answer.action == Action::Update);
        let key = server::key(world, &object, "default");
        world.put(key, *object);
    }
}

/// Runs, and holds them to reaching everything that there is to reach.
fn runs(seed: u64, number: usize) {
    let (mut chance, mut reached) = (Chance(seed), Reached::default());
    (0..number).for_each(|_| once(&mut chance, &mut reached));
    let Reached { unreadable, documents, strict, created, merged } = reached;
    let often = [unreadable * 20, documents, strict * 2, created * 10, merged * 10];
    assert!(often.iter().all(|times| *times > number / 2), "{reached:?} of {number}");
}

#[test]
fn manifests_that_nobody_would_write_are_read_and_answered() {
    runs(0x5eed, 2_000);
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
