//! Files of manifests become documents.

use std::sync::Arc;

use serde_json::Value;

use super::allow;
use super::document::{Document, Region};
use super::json;
use super::list::{Placed, unfold};
use super::scalar::json_number;
use super::split::{Part, parts};
use super::tree::Node;
use super::yaml::{self, Comment, Fault, Origin};
use crate::source::manifests::ManifestFile;

/// What the values of any file may take in memory, in bytes: aliases can stand for many times the text.
const UNFOLDED: u64 = 16 << 20;
/// What they may take more for each byte of text.
const UNFOLDING: u64 = 40;

/// What all files say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifests {
    /// The objects, in the order in which kubectl applies them.
    pub(crate) documents: Vec<Document>,
    /// Hooks of helm that no install and no upgrade runs.
    pub(crate) later: Vec<Document>,
    /// What could not be read; the rest is judged all the same.
    pub(crate) problems: Vec<Problem>,
    /// What kubectl passes over without a word.
    pub(crate) passed_over: Vec<Problem>,
}

/// Something about a place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) file: String,
    /// From 1; `None` where it is about the whole file.
    pub(crate) line: Option<usize>,
    pub(crate) column: Option<usize>,
    /// What is wrong, in one line: lower case, no full stop.
    pub(crate) message: String,
    /// What to do about it, where that is known.
    pub(crate) hint: Option<String>,
}

impl Problem {
    fn at(file: &str, line: usize, column: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: Some(line), column: Some(column), message: message.into(), hint: None }
    }
}

/// Reads files of manifests.
pub(crate) fn read(files: &[ManifestFile]) -> Manifests {
    let mut manifests = Manifests::default();
    for (source, ManifestFile { name, renderer, text }) in files.iter().enumerate() {
        match text {
            Ok(text) => {
                let left = UNFOLDED + UNFOLDING * text.len() as u64;
                let first = manifests.documents.len();
                Reader { file: name, left, manifests: &mut manifests }.file(text);
                for document in manifests.documents.iter_mut().skip(first) {
                    (document.source, document.renderer) = (source, *renderer);
                }
            }
            Err(fault) => manifests.problems.push(Problem {
                file: name.clone(),
                line: fault.place.map(|place| place.0),
                column: fault.place.map(|place| place.1),
                message: fault.message.clone(),
                hint: fault.hint.clone(),
            }),
        }
    }
    let (later, documents) = manifests.documents.into_iter().partition(|document| document.runs_later().is_some());
    Manifests { documents, later, ..manifests }
}

/// What helm writes above what a template renders to.
const SOURCE: &str = "Source:";

/// Whether a comment tells something.
fn telling(text: &str) -> bool {
    allow::ours(text) || text.trim_start().starts_with(SOURCE)
}

struct Reader<'a> {
    file: &'a str,
    left: u64,
    manifests: &'a mut Manifests,
}

impl Reader<'_> {
    fn file(&mut self, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Some(stream) = json::stream(text) else { return self.yaml(text, 1) };
        for piece in stream.pieces {
            let tree = yaml::read(piece.text, piece.origin, |_| false).ok().and_then(|read| read.root);
            let Origin { line, column } = piece.origin;
            self.object((piece.value, tree), line, column);
        }
        if let Some((line, rest)) = stream.rest {
            self.yaml(rest, line);
        }
        if let Some((line, column, message)) = stream.fault {
            self.problem(line, column, message);
        }
    }

    fn problem(&mut self, line: usize, column: usize, message: impl Into<String>) {
        self.manifests.problems.push(Problem::at(self.file, line, column, message));
    }

    fn yaml(&mut self, text: &str, line: usize) {
        for part in parts(text) {
            let part = Part { line: part.line + line - 1, ..part };
            if let Some(stray) = part.stray {
                self.problem(part.line - 1, 4, format!("invalid Yaml document separator: {stray}"));
            } else if let Err(problem) = self.part(part) {
                self.manifests.problems.push(problem);
            }
        }
    }

    fn part(&mut self, part: Part<'_>) -> Result<(), Problem> {
        let origin = Origin { line: part.line, column: 1 };
        let read = yaml::read(part.text, origin, telling).map_err(|fault| explained(self.file, part, &fault))?;
        if let Some(Region { line, column, .. }) = read.second {
            let message = "kubectl reads no document behind `...`: it parts documents at `---` alone";
            self.manifests.passed_over.push(Problem::at(self.file, line, column, message));
        }
        let Some(root) = read.root else { return Ok(()) };
        let Region { line, column, .. } = root.region;
        let value = root
            .value(&mut self.left)
            .map_err(|_| Problem::at(self.file, line, column, "document contains excessive aliasing"))?;
        if !value.is_null() {
            let first = self.manifests.documents.len();
            self.object((value, Some(Arc::clone(&root))), line, column);
            self.comments(first, &read.comments, &root, part);
        }
        Ok(())
    }

    /// Gives the documents of a part what its comments say.
    fn comments(&mut self, first: usize, comments: &[Comment], root: &Node, part: Part<'_>) {
        let mut template = None;
        let mut allowances = Vec::new();
        for comment in comments {
            if let Some(source) = comment.text.trim_start().strip_prefix(SOURCE) {
                template = Some(source.trim().to_owned());
                continue;
            }
            match allow::allowance(comment, root, part.text, part.line) {
                Ok(allowance) => allowances.push(allowance),
                Err(message) => {
                    let Region { line, column, .. } = comment.region;
                    self.manifests.passed_over.push(Problem::at(self.file, line, column, message));
                }
            }
        }
        let whole = self.manifests.documents.len() == first + 1;
        for document in self.manifests.documents.iter_mut().skip(first) {
            document.whole = whole && document.line == root.first().line;
            document.template.clone_from(&template);
            document.allowances.clone_from(&allowances);
        }
    }

    fn object(&mut self, object: Placed, line: usize, column: usize) {
        let mut found = Vec::new();
        unfold(object, &mut found);
        for (mut value, tree) in found {
            send(&mut value);
            let place = tree.as_deref().map(Node::first);
            let (line, column) = place.map_or((line, column), |place| (place.line, place.column));
            match lacking(&value) {
                Some(message) => self.problem(line, column, message),
                None => self.manifests.documents.push(self.document(value, tree, line, column)),
            }
        }
    }

    fn document(&self, value: Value, tree: Option<Arc<Node>>, line: usize, column: usize) -> Document {
        match tree {
            Some(tree) => Document::placed(self.file, tree, value),
            None => Document::new(self.file, line, column, value),
        }
    }
}

/// Makes of numbers what kubectl sends: what is no 64-bit integer becomes a float, and whole floats lose their fraction.
///
/// Upstream: `UnmarshalCaseSensitivePreserveInts` in sigs.k8s.io/json, and what Go's JSON makes of floats.
fn send(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(send),
        Value::Object(fields) => fields.values_mut().for_each(send),
        Value::Number(number) if number.is_i64() => {}
        Value::Number(number) => {
            let sent = number.as_f64().and_then(json_number);
            if let Some(sent) = sent {
                *number = sent;
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// What keeps a value from being an object of the API.
fn lacking(value: &Value) -> Option<&'static str> {
    let Value::Object(fields) = value else { return Some("the document is no object: it has no fields") };
    let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
    match (text("kind"), text("apiVersion")) {
        ("", "") => Some("the object has neither kind nor apiVersion"),
        ("", _) => Some("Object 'Kind' is missing"),
        (_, "") => Some("Object 'apiVersion' is missing"),
        _ => None,
    }
}

/// The problem that a fault of a part is: templates that nobody rendered and tabs are told as such.
fn explained(file: &str, part: Part<'_>, fault: &Fault) -> Problem {
    let template = part.text.lines().enumerate().find_map(|(index, line)| line.find("{{").map(|at| (index, line, at)));
    if let Some((index, line, at)) = template {
        let column = line.get(..at).unwrap_or_default().chars().count() + 1;
        let shown: String = line.get(at..).unwrap_or_default().chars().take(60).collect();
        let shown = shown.split_inclusive("}}").next().unwrap_or_default();
        let problem =
            Problem::at(file, part.line + index, column, format!("`{shown}` is a template that is not rendered"));
        return Problem { hint: Some("render it first: `helm template`, or --chart DIR".to_owned()), ..problem };
    }
    let line = part.text.lines().nth(fault.line.saturating_sub(part.line)).unwrap_or_default();
    let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    if let Some(at) = indent.chars().position(|c| c == '\t') {
        let problem = Problem::at(file, fault.line, at + 1, "a tab stands where only spaces may indent");
        return Problem { hint: Some("put spaces in the place of tabs".to_owned()), ..problem };
    }
    Problem::at(file, fault.line, fault.column, format!("invalid YAML: {}", fault.message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, text: &str) -> Manifests {
        super::read(&[ManifestFile { name: name.to_owned(), renderer: None, text: Ok(text.to_owned()) }])
    }

    fn one(text: &str) -> Document {
        let mut manifests = read("a.yaml", text);
        assert_eq!(manifests.problems, [], "{text}");
        assert_eq!(manifests.documents.len(), 1, "{text}");
        manifests.documents.pop().unwrap()
    }

    fn value(text: &str) -> Value {
        one(&format!("kind: K\napiVersion: v1\nv:\n{text}")).object["v"].clone()
    }

    fn told(text: &str) -> Vec<(usize, usize, String)> {
        let problems = read("a.yaml", text).problems;
        problems.into_iter().map(|told| (told.line.unwrap(), told.column.unwrap(), told.message)).collect()
    }

    const SET: &str = "# a set
---
# another comment
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
  annotations:
    storagewhy.dev/one: x
spec:
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      storageClassName: fast
      resources:
        requests:
          storage: 1Gi
";

    #[test]
    fn fields_stand_where_they_stand() {
        let set = one(SET);
        assert_eq!((set.line, set.column), (4, 1));
        let region = |path| set.region(path);
        let class = region("spec.volumeClaimTemplates[0].spec.storageClassName");
        assert_eq!(class, Region { line: 14, column: 7, end_line: 14, end_column: 29 });
        assert_eq!(region("spec.volumeClaimTemplates[0].metadata.name").line, 12);
        assert_eq!(region("spec.volumeClaimTemplates[0].spec.resources.requests[storage]").line, 17);
        assert_eq!(region("metadata.annotations.storagewhy.dev/one").line, 9);
        assert_eq!(region("metadata.annotations[storagewhy.dev/one]").line, 9);
        assert_eq!(region("spec.volumeClaimTemplates[0].spec.nothing.here").line, 13);
        assert_eq!(set.field("spec.volumeClaimTemplates[0].spec.nothing"), None);
        assert_eq!(region("").line, 4);
    }

    #[test]
    fn anchors_and_merges_are_written_out_in_the_order_of_the_text() {
        assert_eq!(value("  a: &x {k: 1}\n  b: *x\n"), json!({"a": {"k": 1}, "b": {"k": 1}}));
        assert_eq!(value("  a: &x {k: 1, l: 2}\n  b: {<<: *x, k: 3}\n")["b"], json!({"k": 3, "l": 2}));
        assert_eq!(value("  a: &x {k: 1, l: 2}\n  b: {k: 3, <<: *x}\n")["b"], json!({"k": 1, "l": 2}));
        let two = value("  a: &x {k: 1}\n  c: &y {k: 2, l: 2}\n  b: {<<: [*x, *y]}\n");
        assert_eq!(two["b"], json!({"k": 1, "l": 2}));
        assert_eq!(value("  \"<<\": 1\n"), json!({"<<": 1}));
        assert_eq!(value("  ! 12\n"), json!("12"));
        assert_eq!(value("  !!str 12\n"), json!("12"));
        assert_eq!(value("  !Ref 12\n"), json!("12"));
    }

    #[test]
    fn keys_that_stand_twice_are_told_and_the_last_counts() {
        let document = one("apiVersion: v1\nkind: K\nspec:\n  a: 1\n  b: [{c: 1, c: 2}]\n  a: 2\n");
        assert_eq!(document.object["spec"], json!({"a": 2, "b": [{"c": 2}]}));
        let twice: Vec<_> = document
            .duplicates
            .iter()
            .map(|twice| (twice.path.as_str(), twice.region.line, twice.region.column))
            .collect();
        assert_eq!(twice, [("spec.b[0].c", 5, 14), ("spec.a", 6, 3)]);
        assert_eq!(document.region("spec.a").line, 6);
    }

    #[test]
    fn lists_stand_for_their_items() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n\
                    - apiVersion: v1\n  kind: PodList\n  items:\n  - metadata:\n      name: b\n";
        let manifests = read("-", text);
        let told: Vec<_> = manifests
            .documents
            .iter()
            .map(|document| (document.line, document.column, document.object["metadata"]["name"].as_str().unwrap()))
            .collect();
        assert_eq!(told, [(4, 3, "a"), (10, 5, "b")]);
        assert_eq!(manifests.documents[1].object["kind"], "Pod");
        assert_eq!(manifests.documents[1].region("metadata.name").line, 11);
    }

    #[test]
    fn json_has_places_too() {
        let text = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\t\"spec\": {\"a\": 1.0}}\n{\"kind\": \"Pod\", \"apiVersion\": \"v1\"}";
        let manifests = read("a.json", text);
        assert_eq!(manifests.problems, []);
        let documents = &manifests.documents;
        assert_eq!(documents.len(), 2);
        assert_eq!((documents[1].line, documents[1].column), (3, 2));
        assert_eq!(documents[0].region("spec.a").line, 2);
        assert_eq!(documents[0].object["spec"]["a"].to_string(), "1");
    }

    #[test]
    fn what_can_not_be_read_is_told_by_its_place_and_the_rest_is_read() {
        let text = "a: [1\n---\napiVersion: v1\nkind: Pod\n---\nkind: Pod\nspec:\n\ta: 1\n---\n{{- if .Values.x }}\na: 1\n--- x\n";
        assert_eq!(read("a", text).documents.len(), 1);
        let told = told(text);
        assert_eq!(told.len(), 4, "{told:?}");
        assert_eq!((told[0].0, told[1].0, told[1].1), (1, 8, 1), "{told:?}");
        assert_eq!(told[1].2, "a tab stands where only spaces may indent");
        assert_eq!(told[2], (10, 1, "`{{- if .Values.x }}` is a template that is not rendered".to_owned()));
        assert_eq!(told[3], (12, 4, "invalid Yaml document separator: x".to_owned()));
    }

    #[test]
    fn templates_are_told_where_they_break_the_document_alone() {
        let told = told("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n");
        assert_eq!(told, [(4, 9, "`{{ .Release.Name }}` is a template that is not rendered".to_owned())]);
        assert_eq!(value("  expr: \"{{ $labels.pod }}\"\n")["expr"], "{{ $labels.pod }}");
    }

    #[test]
    fn nothing_is_no_document_and_what_is_no_object_is_told() {
        assert_eq!(read("a", "# nothing\n---\n\n---\nnull\n---\n").documents.len(), 0);
        assert_eq!(told("# nothing\n---\n\n---\nnull\n---\n"), []);
        assert_eq!(told("- a\n"), [(1, 1, "the document is no object: it has no fields".to_owned())]);
        assert_eq!(told("kind: Pod\n"), [(1, 1, "Object 'apiVersion' is missing".to_owned())]);
        let passed = read("a", "apiVersion: v1\nkind: Pod\n...\nmore: 1\n");
        assert_eq!((passed.documents.len(), passed.passed_over.len()), (1, 1));
    }

    #[test]
    fn comments_allow_what_stands_below_them_or_on_their_line() {
        let text = "# Source: chart/templates/a.yaml\n# storagewhy: allow(whole) it is a test\napiVersion: v1\nkind: Pod\n\
                    spec:\n  # storagewhy: allow(a, b) known\n  containers:\n  - name: x\n    image: y\n  \
                    nodeName: n # storagewhy: allow(c) by hand\n  hostNetwork: true\n";
        let pod = one(text);
        assert_eq!(pod.template.as_deref(), Some("chart/templates/a.yaml"));
        let allowed = |rule: &str, line| pod.allowance(rule, line).map(|allowance| allowance.reason.as_str());
        assert_eq!(allowed("whole", 11), Some("it is a test"));
        assert_eq!((allowed("a", 7), allowed("b", 9), allowed("a", 10)), (Some("known"), Some("known"), None));
        assert_eq!((allowed("c", 10), allowed("c", 11), allowed("d", 10)), (Some("by hand"), None, None));
        let bare = read("a", "apiVersion: v1 # storagewhy: allow(a)\nkind: Pod # storagewhy: deny(a) x\n");
        assert_eq!(bare.documents[0].allowances, []);
        let told: Vec<_> = bare.passed_over.iter().map(|told| (told.line.unwrap(), told.message.as_str())).collect();
        assert_eq!(told[0], (1, "the comment that allows a gives no reason, and does not count"));
        assert_eq!(told[1], (2, "a comment for storagewhy must read `# storagewhy: allow(RULE) REASON`"));
    }

    #[test]
    fn hooks_and_tests_are_told_from_parts() {
        use super::super::hook::Role;
        for (annotation, role) in [
            ("helm.sh/hook: pre-install,post-upgrade", Role::Hook),
            ("helm.sh/hook: test", Role::Test),
            ("helm.sh/hook: test-success", Role::Test),
            ("argocd.argoproj.io/hook: PreSync", Role::Hook),
            ("helm.sh/hook-weight: \"1\"", Role::Part),
        ] {
            let pod = one(&format!("apiVersion: v1\nkind: Pod\nmetadata: {{annotations: {{{annotation}}}}}\n"));
            assert_eq!(pod.role().0, role, "{annotation}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        let mut lists = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        let mut merges = "a0: &a0 {x: 1, y: 2}\n".to_owned();
        let mut deep = "a0: &a0 {x: 1}\n".to_owned();
        for level in 1..30 {
            let below = format!("*a{}", level - 1);
            lists += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(", "));
            merges += &format!("a{level}: &a{level} {{<<: [{below}, {below}]}}\n");
        }
        for level in 1..1000 {
            deep += &format!("a{level}: &a{level} {{x: *a{}}}\n", level - 1);
        }
        assert_eq!(told(&lists)[0].2, "document contains excessive aliasing");
        assert_eq!(told(&merges)[0].2, "invalid YAML: `<<` merges too much");
        assert_eq!(told(&deep)[0].2, "invalid YAML: values are nested deeper than 128");
        assert_eq!(told(&"[".repeat(100_000)).len(), 1);
        assert_eq!(told(&"- ".repeat(100_000)).len(), 1);
        assert_eq!(told("a: &a [*a]\n").len(), 1);
        assert_eq!(told("a: *b\n").len(), 1);
    }
}
