//! Expressions in CEL that the server evaluates for a request: match conditions and admission policies. They are evaluated
//! by the evaluator of own rules; where that isn't built in, or doesn't know a function, nothing is known.

use serde_json::{Value, json};

use super::admission::Attributes;
use super::json::text;

/// What an expression says.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(not(feature = "own-rules"), expect(dead_code, reason = "evaluated by own rules alone"))]
pub(super) enum Said {
    Truth(bool),
    Text(String),
    /// Some other value, as JSON where it has one.
    Other(Value),
    /// It has no value: the server's words, as far as they are known.
    Fault(String),
    /// It can't be evaluated here: why.
    Unknown(String),
}

/// What expressions can name beside the object itself.
const NAMES: &[&str] = &["oldObject", "request", "namespaceObject", "params", "variables", "authorizer"];

/// The variables of an expression.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "own-rules"), expect(dead_code, reason = "evaluated by own rules alone"))]
pub(super) struct Facts {
    object: Value,
    /// What stands under [`NAMES`].
    others: Value,
}

impl Facts {
    /// The variables of a request.
    pub(super) fn new(cx: &Attributes<'_>, object: &Value) -> Self {
        let resource = cx.resource;
        let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
        let place = json!({"group": resource.group, "version": resource.version, "resource": resource.plural});
        let request = json!({
            "kind": kind, "requestKind": kind, "resource": place, "requestResource": place, "subResource": "",
            "requestSubResource": "", "name": text(object, "/metadata/name"), "namespace": cx.namespace,
            "operation": if cx.old.is_some() { "UPDATE" } else { "CREATE" }, "dryRun": false, "options": {},
        });
        let namespace = cx.world.get("Namespace", None, cx.namespace).map(|namespace| {
            let mut namespace = namespace.clone();
            super::json::set(&mut namespace, &["metadata", "labels", "kubernetes.io/metadata.name"], cx.namespace);
            namespace
        });
        let others = json!({"oldObject": cx.old, "request": request, "namespaceObject": namespace, "params": null, "variables": {}});
        Self { object: object.clone(), others }
    }

    /// Adds what an expression can name.
    pub(super) fn set(&mut self, path: &[&str], value: Value) {
        super::json::set(&mut self.others, path, value);
    }
}

/// Evaluates an expression.
pub(super) fn evaluate(expression: &str, facts: &Facts) -> Said {
    if mentions(expression, "userInfo") || mentions(expression, "authorizer") {
        return Said::Unknown("it asks who makes the request".to_owned());
    }
    evaluator::evaluate(&rewritten(expression), facts)
}

/// Whether an expression has a name in it, outside of texts.
pub(super) fn mentions(expression: &str, name: &str) -> bool {
    tokens(expression).into_iter().any(|token| matches!(token, Token::Name(found, _) if found == name))
}

/// The names behind `variables.` in an expression.
pub(super) fn variables(expression: &str) -> Vec<&str> {
    let tokens = tokens(expression);
    let mut found = Vec::new();
    for window in tokens.windows(3) {
        if let [Token::Name("variables", false), Token::Other("."), Token::Name(name, true)] = window {
            found.push(*name);
        }
    }
    found
}

/// The variables that the evaluator doesn't know stand as fields of the one that it does.
fn rewritten(expression: &str) -> String {
    let written = tokens(expression).into_iter().map(|token| match token {
        Token::Name(name, false) if NAMES.contains(&name) => format!("it.{name}"),
        Token::Name(text, _) | Token::Other(text) => text.to_owned(),
    });
    written.collect()
}

/// A part of an expression: a name, and whether it is a field of something; or anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    Name(&'t str, bool),
    Other(&'t str),
}

fn tokens(expression: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    let mut after_dot = false;
    while let Some(first) = rest.chars().next() {
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if matches!(first, '"' | '\'') {
            quoted(rest, first)
        } else if named(first) {
            rest.find(|c| !named(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, next) = rest.split_at(length);
        if named(first) {
            tokens.push(Token::Name(token, after_dot));
        } else {
            tokens.push(Token::Other(token));
        }
        after_dot = match first {
            '.' => true,
            '?' if after_dot => true,
            c if c.is_whitespace() => after_dot,
            _ => false,
        };
        rest = next;
    }
    tokens
}

/// The bytes of the text that begins here.
fn quoted(rest: &str, quote: char) -> usize {
    let long = quote.to_string().repeat(3);
    let (start, end) = if rest.starts_with(&long) { (3, long.as_str()) } else { (1, &long[..1]) };
    let (mut at, bytes) = (start, rest.as_bytes());
    while at < rest.len() {
        if bytes.get(at) == Some(&b'\\') {
            at += 2;
        } else if rest.get(at..).is_some_and(|rest| rest.starts_with(end)) {
            return at + end.len();
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(feature = "own-rules")]
mod evaluator {
    use super::{Facts, Said};
    use crate::model::Kind;
    use crate::own::language::{self, Fault, Meter, Scope, Value, Variable};

    /// Steps that one expression may take.
    const STEPS: u64 = 2_000_000;

    /// The object, and beside it what else there is.
    struct Given {
        object: Value,
        others: Value,
    }

    impl language::Facts for Given {
        fn variable(&self, variable: Variable) -> Result<Value, Fault> {
            match variable {
                Variable::Object => Ok(self.object.clone()),
                Variable::It => Ok(self.others.clone()),
                _ => Err(Fault::wrong("there is no such variable")),
            }
        }

        fn objects(&self, _: Kind, _: Option<&str>) -> Result<Value, Fault> {
            Err(Fault::wrong("there is no function objects"))
        }

        fn find(&self, _: Kind, _: &str, _: &str) -> Result<Option<Value>, Fault> {
            Err(Fault::wrong("there is no function find"))
        }
    }

    pub(super) fn evaluate(expression: &str, facts: &Facts) -> Said {
        let scope = Scope { kind: Kind::Pod, it: Some(None), has_field: &|_| true };
        let program = match language::compile(expression, &scope) {
            Ok(program) => program,
            Err(flaw) => return Said::Unknown(flaw.message),
        };
        let given = Given { object: Value::of_json(&facts.object).0, others: Value::of_json(&facts.others).0 };
        match language::evaluate(&program, &given, &mut Meter::new(STEPS)) {
            Ok(Value::Bool(truth)) => Said::Truth(truth),
            Ok(Value::Text(text)) => Said::Text(text.to_string()),
            Ok(value) => Said::Other(json(&value)),
            Err(Fault::Limit(why)) => Said::Unknown(why.to_owned()),
            Err(Fault::Wrong(why)) => Said::Fault(words(&why)),
        }
    }

    /// The server's words for a fault, where they are known.
    fn words(why: &str) -> String {
        let key = why.strip_prefix("there is no `").and_then(|rest| rest.split_once("`: has()"));
        key.map_or_else(|| why.to_owned(), |(key, _)| format!("no such key: {key}"))
    }

    /// A value as JSON, as far as it has such a form.
    fn json(value: &Value) -> serde_json::Value {
        match value {
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Uint(value) => (*value).into(),
            Value::Double(value) => (*value).into(),
            Value::Text(text) => (**text).into(),
            Value::List(items) => items.iter().map(json).collect(),
            Value::Map(fields) => {
                let field = |(key, value): (&language::Key, &Value)| match key {
                    language::Key::Text(key) => Some((key.to_string(), json(value))),
                    _ => None,
                };
                serde_json::Value::Object(fields.iter().filter_map(field).collect())
            }
            _ => serde_json::Value::Null,
        }
    }
}

#[cfg(not(feature = "own-rules"))]
mod evaluator {
    use super::{Facts, Said};

    pub(super) fn evaluate(_: &str, facts: &Facts) -> Said {
        let Facts { object: _, others: _ } = facts;
        Said::Unknown("this program was built without CEL".to_owned())
    }
}

#[cfg(all(test, feature = "own-rules"))]
mod tests {
    use super::super::admission::kit::{creation, resource, world};
    use super::*;

    fn said(expression: &str) -> Said {
        let world = world(&[json!({"kind": "Namespace", "metadata": {"name": "app", "labels": {"team": "a"}}})]);
        let pods = resource("v1", "Pod");
        let pod = json!({"metadata": {"name": "a", "namespace": "app"}, "spec": {"containers": [{"image": "registry.example.com/x"}]}});
        evaluate(expression, &Facts::new(&creation(&world, &pods), &pod))
    }

    #[test]
    fn expressions_see_the_request_and_its_objects() {
        for expression in [
            "object.metadata.namespace == 'app'",
            "object.spec.containers.exists(c, c.image.startsWith('registry.example.com/'))",
            "request.operation == 'CREATE' && oldObject == null",
            "namespaceObject.metadata.labels['team'] == \"a\"",
            "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'app'",
            "!has(object.spec.request) && 'request' != 'oldObject'",
            "object.?spec.?request.orValue('none') == 'none'",
        ] {
            assert_eq!(said(expression), Said::Truth(true), "{expression}");
        }
        assert_eq!(said("object.spec.nodeName == 'a'"), Said::Fault("no such key: nodeName".to_owned()));
        assert!(matches!(said("request.userInfo.username == 'a'"), Said::Unknown(_)));
        assert!(matches!(said("authorizer.group('').check('get').allowed()"), Said::Unknown(_)));
    }

    #[test]
    fn variables_are_found_by_their_names() {
        assert_eq!(variables("variables.a > 1 && 'variables.b' == variables.c.d"), ["a", "c"]);
    }
}
