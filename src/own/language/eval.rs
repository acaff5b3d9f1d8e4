//! Evaluates compiled expressions, within what a meter allows.

use super::fault::Fault;
use super::functions::{self, within};
use super::meter::Meter;
use super::node::{Fold, Node, Operator, Pattern, Program, Variable};
use super::texts;
use super::value::{Key, Value, equal, order};
use crate::model::Kind;

/// What expressions are about.
pub(crate) trait Facts {
    /// The value of a variable.
    ///
    /// # Errors
    /// Where it has none.
    fn variable(&self, variable: Variable) -> Result<Value, Fault>;

    /// The objects of a kind, all of them or those of a namespace.
    ///
    /// # Errors
    /// Where not all could be read, or they are too many to hold.
    fn objects(&self, kind: Kind, namespace: Option<&str>) -> Result<Value, Fault>;

    /// The object of a name; `None` where there is none.
    ///
    /// # Errors
    /// Where it could not be looked for.
    fn find(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Value>, Fault>;
}

/// Evaluates an expression.
///
/// # Errors
/// Why it has no value.
pub(crate) fn evaluate(program: &Program, facts: &dyn Facts, meter: &mut Meter) -> Result<Value, Fault> {
    let locals = vec![Ok(Value::Null); program.locals];
    Machine { facts, meter, locals }.value(&program.node)
}

struct Machine<'m> {
    facts: &'m dyn Facts,
    meter: &'m mut Meter,
    /// The variables of folds. What a fold has so far can be a fault that a later element makes good.
    locals: Vec<Result<Value, Fault>>,
}

impl Machine<'_> {
    fn value(&mut self, node: &Node) -> Result<Value, Fault> {
        self.meter.spend(1)?;
        match node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Variable(variable) => self.facts.variable(*variable),
            Node::Local(place) => self.locals.get(*place).cloned().unwrap_or(Ok(Value::Null)),
            Node::Field(of, name) => {
                let of = self.value(of)?;
                field(&of, name)
            }
            Node::FieldIfAny(of, name) => {
                let of = self.value(of)?;
                if_any(&of, |of| self.fallible(field(of, name)))
            }
            Node::Has(of, name) => {
                let of = self.value(of)?;
                has(&of, name)
            }
            Node::At(of, at) => {
                let (of, at) = (self.value(of)?, self.value(at)?);
                self.at(&of, &at)
            }
            Node::AtIfAny(of, at) => {
                let (of, at) = (self.value(of)?, self.value(at)?);
                if_any(&of, |of| {
                    let found = self.at(of, &at);
                    self.fallible(found)
                })
            }
            Node::List(items) => self.list(items),
            Node::Map(entries) => self.map(entries),
            Node::If(parts) => {
                let [condition, yes, no] = &**parts;
                let chosen = if self.truth(condition)? { yes } else { no };
                self.value(chosen)
            }
            Node::And(a, b) => self.either(a, b, false),
            Node::Or(a, b) => self.either(a, b, true),
            Node::Not(of) => Ok(Value::Bool(!self.truth(of)?)),
            Node::NotFalse(of) => match self.truth(of) {
                Err(limit @ Fault::Limit(_)) => Err(limit),
                truth => Ok(Value::Bool(truth.unwrap_or(true))),
            },
            Node::Negate(of) => match self.value(of)? {
                Value::Int(number) => number.checked_neg().map(Value::Int).ok_or_else(overflow),
                Value::Double(number) => Ok(Value::Double(-number)),
                Value::Duration(span) => span.checked_neg().map(Value::Duration).ok_or_else(overflow),
                value => Err(Fault::wrong(format!("- doesn't take a {}", value.kind()))),
            },
            Node::Operator(operator, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                operate(*operator, &a, &b, self.meter)
            }
            Node::Fold(fold) => self.fold(fold),
            Node::Append(place, items) => self.append(*place, items),
            Node::Call(function, operands) => {
                let operands = operands.iter().map(|operand| self.value(operand)).collect::<Result<Vec<_>, _>>()?;
                functions::call(*function, &operands, self.meter)
            }
            Node::Matches(of, pattern) => self.matches(of, pattern),
            Node::Objects(kind, namespace) => {
                let namespace = namespace.as_deref().map(|namespace| self.name(namespace)).transpose()?;
                self.facts.objects(*kind, namespace.as_ref().and_then(Value::as_text))
            }
            Node::Find(kind, namespace, name) => {
                let namespace = namespace.as_deref().map(|namespace| self.name(namespace)).transpose()?;
                let name = self.name(name)?;
                let namespace = namespace.as_ref().and_then(Value::as_text).unwrap_or_default();
                let found = self.facts.find(*kind, namespace, name.as_text().unwrap_or_default())?;
                self.meter.make(if found.is_some() { 4096 } else { 0 })?;
                Ok(Value::optional(found))
            }
        }
    }

    fn truth(&mut self, node: &Node) -> Result<bool, Fault> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            value => Err(Fault::wrong(format!("a bool is needed, and this is a {}", value.kind()))),
        }
    }

    fn name(&mut self, node: &Node) -> Result<Value, Fault> {
        match self.value(node)? {
            text @ Value::Text(_) => Ok(text),
            value => Err(Fault::wrong(format!("a name is a string, and this is a {}", value.kind()))),
        }
    }

    /// `&&` and `||`: one operand that decides is enough, whatever is wrong with the other.
    fn either(&mut self, a: &Node, b: &Node, decides: bool) -> Result<Value, Fault> {
        let first = self.truth(a);
        if first == Ok(decides) {
            return Ok(Value::Bool(decides));
        }
        if let Err(Fault::Limit(limit)) = first {
            return Err(Fault::Limit(limit));
        }
        match (first, self.truth(b)?) {
            (_, second) if second == decides => Ok(Value::Bool(decides)),
            (Ok(_), second) => Ok(Value::Bool(second)),
            (Err(fault), _) => Err(fault),
        }
    }

    /// A missing value is none; a limit stays one.
    fn fallible(&mut self, value: Result<Value, Fault>) -> Result<Option<Value>, Fault> {
        match value {
            Err(Fault::Limit(limit)) => Err(Fault::Limit(limit)),
            value => {
                self.meter.make(size_of::<Value>())?;
                Ok(value.ok())
            }
        }
    }

    fn at(&mut self, of: &Value, at: &Value) -> Result<Value, Fault> {
        match (of, at) {
            (Value::List(items), at) => {
                let position = Key::of(at).and_then(|key| match key {
                    Key::Number(number) => usize::try_from(number).ok(),
                    Key::Bool(_) | Key::Text(_) => None,
                });
                let found = position.and_then(|position| items.get(position));
                found.cloned().ok_or_else(|| Fault::wrong("the list has no such element"))
            }
            (Value::Map(map), at) => {
                let found = Key::of(at).and_then(|key| map.get(&key));
                found.cloned().ok_or_else(|| no_key(&texts::text_of(at, self.meter).unwrap_or_default()))
            }
            (of, _) => Err(Fault::wrong(format!("a {} has no elements", of.kind()))),
        }
    }

    fn list(&mut self, items: &[Node]) -> Result<Value, Fault> {
        self.meter.make(items.len() * size_of::<Value>() + 40)?;
        Ok(Value::list(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?))
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Result<Value, Fault> {
        self.meter.make(entries.len() * 2 * size_of::<Value>() + 40)?;
        let mut map = std::collections::BTreeMap::new();
        for (key, value) in entries {
            let key = self.value(key)?;
            let kind = key.kind();
            let key = Key::of(&key).ok_or_else(|| Fault::wrong(format!("a {kind} can't be a key")))?;
            if map.insert(key, self.value(value)?).is_some() {
                return Err(Fault::wrong("a map has a key twice"));
            }
        }
        Ok(Value::Map(map.into()))
    }

    fn fold(&mut self, fold: &Fold) -> Result<Value, Fault> {
        let range = self.value(&fold.range)?;
        self.locals[fold.result] = self.value(&fold.start);
        match &range {
            Value::List(items) => {
                for item in items.iter() {
                    if !self.round(fold, item.clone())? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for key in map.keys() {
                    if !self.round(fold, key.value())? {
                        break;
                    }
                }
            }
            value => return Err(Fault::wrong(format!("a {} has no elements to go through", value.kind()))),
        }
        self.value(&fold.end)
    }

    /// One element of a fold; says whether it goes on.
    fn round(&mut self, fold: &Fold, element: Value) -> Result<bool, Fault> {
        if !self.truth(&fold.goes_on)? {
            return Ok(false);
        }
        self.locals[fold.element] = Ok(element);
        let result = self.value(&fold.step);
        if let Err(Fault::Limit(limit)) = result {
            return Err(Fault::Limit(limit));
        }
        self.locals[fold.result] = result;
        Ok(true)
    }

    /// The elements are reckoned first, so that nothing else holds the list when it grows.
    fn append(&mut self, place: usize, items: &[Node]) -> Result<Value, Fault> {
        let more = items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>, _>>()?;
        self.meter.make(more.len() * 2 * size_of::<Value>())?;
        match std::mem::replace(&mut self.locals[place], Ok(Value::Null))? {
            Value::List(mut list) => {
                if std::sync::Arc::get_mut(&mut list).is_none() {
                    self.meter.make(list.len() * size_of::<Value>())?;
                }
                std::sync::Arc::make_mut(&mut list).extend(more);
                Ok(Value::List(list))
            }
            value => Err(Fault::wrong(format!("+ doesn't add a list to a {}", value.kind()))),
        }
    }

    fn matches(&mut self, of: &Node, pattern: &Pattern) -> Result<Value, Fault> {
        match self.value(of)? {
            Value::Text(text) => {
                self.meter.spend(pattern.cost.saturating_mul(text.len() as u64))?;
                Ok(Value::Bool(pattern.regex.is_match(&text)))
            }
            value => Err(Fault::wrong(format!("matches() doesn't take a {}", value.kind()))),
        }
    }
}

fn field(of: &Value, name: &str) -> Result<Value, Fault> {
    match of {
        Value::Map(_) => of.field(name).cloned().ok_or_else(|| no_key(name)),
        Value::Optional(value) => match value.as_deref().and_then(|value| value.field(name)) {
            Some(value) => Ok(Value::optional(Some(value.clone()))),
            None => Ok(Value::Optional(None)),
        },
        value => Err(Fault::wrong(format!("a {} has no field `{}`", value.kind(), cut(name)))),
    }
}

fn has(of: &Value, name: &str) -> Result<Value, Fault> {
    match of {
        Value::Map(_) => Ok(Value::Bool(of.field(name).is_some())),
        Value::Optional(value) => Ok(Value::Bool(value.as_deref().is_some_and(|value| value.field(name).is_some()))),
        value => Err(Fault::wrong(format!("a {} has no field `{}`", value.kind(), cut(name)))),
    }
}

/// What is taken from a value, or from what an optional holds; nothing from an empty one.
fn if_any(of: &Value, take: impl FnOnce(&Value) -> Result<Option<Value>, Fault>) -> Result<Value, Fault> {
    match of {
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(value)) => take(value).map(Value::optional),
        value => take(value).map(Value::optional),
    }
}

fn no_key(name: &str) -> Fault {
    Fault::wrong(format!("there is no `{}`: has() asks whether a field is set", cut(name)))
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn overflow() -> Fault {
    Fault::wrong("a number is out of range")
}

fn operate(operator: Operator, a: &Value, b: &Value, meter: &mut Meter) -> Result<Value, Fault> {
    use std::cmp::Ordering;
    let ordered = |meter: &mut Meter| {
        let kinds = || Fault::wrong(format!("a {} and a {} have no order", a.kind(), b.kind()));
        order(a, b, meter)?.ok_or_else(kinds)
    };
    let truth = match operator {
        Operator::Add => return add(a, b, meter),
        Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo => return reckon(operator, a, b),
        Operator::Equal => equal(a, b, meter)?,
        Operator::NotEqual => !equal(a, b, meter)?,
        Operator::Less => ordered(meter)? == Ordering::Less,
        Operator::LessOrEqual => ordered(meter)? != Ordering::Greater,
        Operator::Greater => ordered(meter)? == Ordering::Greater,
        Operator::GreaterOrEqual => ordered(meter)? != Ordering::Less,
        Operator::In => within(a, b, meter)?,
    };
    Ok(Value::Bool(truth))
}

/// The sum of two values.
///
/// # Errors
/// Where they can't be added, or the sum takes too much.
pub(crate) fn add(a: &Value, b: &Value, meter: &mut Meter) -> Result<Value, Fault> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_add(*b).map(Value::Uint).ok_or_else(overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Text(a), Value::Text(b)) => {
            meter.make(2 * (a.len() + b.len()))?;
            Ok(Value::text(&[&**a, &**b].concat()))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            meter.make(2 * (a.len() + b.len()))?;
            Ok(Value::Bytes([&**a, &**b].concat().into()))
        }
        (Value::List(a), Value::List(b)) => {
            meter.make((a.len() + b.len()) * size_of::<Value>() + 40)?;
            Ok(Value::list(a.iter().chain(b.iter()).cloned().collect()))
        }
        (Value::Duration(a), Value::Duration(b)) => a.checked_add(*b).map(Value::Duration).ok_or_else(overflow),
        (Value::Time(time), Value::Duration(span)) | (Value::Duration(span), Value::Time(time)) => {
            time.checked_add(*span).map(Value::Time).map_err(|_| overflow())
        }
        (Value::Quantity(a), Value::Quantity(_)) => {
            let sum =
                super::quantities::call(functions::Function::AddQuantity, &[Value::Quantity(a.clone()), b.clone()])?;
            sum.ok_or_else(overflow)
        }
        (a, b) => Err(Fault::wrong(format!("a {} and a {} can't be added", a.kind(), b.kind()))),
    }
}

fn reckon(operator: Operator, a: &Value, b: &Value) -> Result<Value, Fault> {
    let by_zero = || Fault::wrong("a division by zero");
    let zero = matches!(b, Value::Int(0) | Value::Uint(0));
    let wrong = || Fault::wrong(format!("a {} and a {} can't be reckoned with", a.kind(), b.kind()));
    match (operator, a, b) {
        (Operator::Divide | Operator::Modulo, Value::Int(_) | Value::Uint(_), _) if zero => Err(by_zero()),
        (_, Value::Int(a), Value::Int(b)) => {
            let result = match operator {
                Operator::Subtract => a.checked_sub(*b),
                Operator::Multiply => a.checked_mul(*b),
                Operator::Divide => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            result.map(Value::Int).ok_or_else(overflow)
        }
        (_, Value::Uint(a), Value::Uint(b)) => {
            let result = match operator {
                Operator::Subtract => a.checked_sub(*b),
                Operator::Multiply => a.checked_mul(*b),
                Operator::Divide => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            result.map(Value::Uint).ok_or_else(overflow)
        }
        (Operator::Subtract, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Operator::Multiply, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        (Operator::Divide, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        (Operator::Subtract, Value::Time(a), Value::Time(b)) => Ok(Value::Duration(a.duration_since(*b))),
        (Operator::Subtract, Value::Time(a), Value::Duration(b)) => {
            a.checked_sub(*b).map(Value::Time).map_err(|_| overflow())
        }
        (Operator::Subtract, Value::Duration(a), Value::Duration(b)) => {
            a.checked_sub(*b).map(Value::Duration).ok_or_else(overflow)
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::syntax::{Scope, compile};
    use super::*;

    /// A thousand objects, and one that holds a bit of everything.
    struct Sample;

    impl Facts for Sample {
        fn variable(&self, variable: Variable) -> Result<Value, Fault> {
            match variable {
                Variable::Object => Ok(Value::of_json(&serde_json::json!({
                    "metadata": {"name": "web-0", "labels": {"app": "web", "tier": "front"}},
                    "spec": {"containers": [{"name": "a", "cpu": "500m"}, {"name": "b", "cpu": "2"}], "count": 3},
                }))
                .0),
                Variable::Now => Ok(Value::Time(jiff::Timestamp::UNIX_EPOCH)),
                _ => Err(Fault::wrong("nothing")),
            }
        }

        fn objects(&self, kind: Kind, _: Option<&str>) -> Result<Value, Fault> {
            match kind {
                Kind::Event => Err(Fault::wrong("events: forbidden")),
                _ => Ok(Value::list((0..1000).map(Value::Int).collect())),
            }
        }

        fn find(&self, _: Kind, _: &str, name: &str) -> Result<Option<Value>, Fault> {
            Ok((name == "fast").then(|| Value::map([("provisioner", Value::text("csi"))])))
        }
    }

    fn run(source: &str) -> Result<String, Fault> {
        let scope = Scope { kind: Kind::Pod, it: None, has_field: &|_| true };
        let program = compile(source, &scope).unwrap_or_else(|flaw| panic!("{source}: {}", flaw.message));
        let mut meter = Meter::new(u64::MAX);
        let value = evaluate(&program, &Sample, &mut meter)?;
        texts::text_of(&value, &mut meter)
    }

    #[test]
    fn expressions_mean_what_cel_says() {
        for (source, value) in [
            ("1 + 2 * 3 - 4 / 2 % 3", "5"),
            ("1.5 + 2.5", "4"),
            ("1 == 1.0 && 1u == 1 && 1 != 'a'", "true"),
            ("2 > 1.5 && -1 < 0u && 9223372036854775807 < 1e19", "true"),
            ("'a' + \"b\" + r'\\c'", "ab\\c"),
            ("[1, 2] + [3]", "[1, 2, 3]"),
            ("size('äö') + size([1]) + 'abc'.size()", "6"),
            ("'b' in ['a', 'b'] && 'app' in object.metadata.labels", "true"),
            ("object.metadata.name.startsWith('web-') && object.metadata.name.matches('^web-[0-9]+$')", "true"),
            ("object.spec.containers.all(c, quantity(c.cpu).isLessThan(quantity('3')))", "true"),
            ("object.spec.containers.exists(c, c.cpu == '2')", "true"),
            ("object.spec.containers.exists_one(c, c.name == 'a')", "true"),
            ("object.spec.containers.filter(c, c.name != 'a').map(c, c.name)", "[\"b\"]"),
            ("object.spec.containers.map(c, c.name != 'a', c.cpu)", "[\"2\"]"),
            ("object.spec.containers.map(c, quantity(c.cpu)).sum()", "2500m"),
            ("object.metadata.labels.map(k, k + '=' + object.metadata.labels[k]).join(',')", "app=web,tier=front"),
            ("has(object.spec.count) && !has(object.spec.missing)", "true"),
            ("object.?spec.?missing.orValue('none')", "none"),
            ("object.?spec.?count.hasValue()", "true"),
            ("find('StorageClass', 'fast').?provisioner.orValue('-')", "csi"),
            ("find('StorageClass', 'slow').hasValue()", "false"),
            ("true ? 'a' : 'b'", "a"),
            ("{'a': 1, 'b': [true]}", "{a: 1, b: [true]}"),
            ("{'a': 1}['a'] == 1 && [7, 8][1] == 8", "true"),
            ("now - timestamp('1969-12-31T23:00:00Z') == duration('1h')", "true"),
            ("(now + duration('90m') - now).getMinutes()", "90"),
            ("int('42') + int(1.9) + int(duration('1s') == duration('1000ms') ? 1 : 0)", "44"),
            ("string(1) + string(true) + string(1.5)", "1true1.5"),
            ("'a-b-c'.split('-').size()", "3"),
            ("'Hello'.lowerAscii().replace('l', 'L').substring(1, 4)", "eLL"),
            ("quantity('1Gi').compareTo(quantity('1024Mi'))", "0"),
            ("quantity('1Gi').add(quantity('1Gi'))", "2Gi"),
            ("quantity('1500m').isInteger()", "false"),
            ("[3, 1, 2].min() + [3, 1, 2].max()", "4"),
            ("objects('Pod').filter(n, n % 2 == 0).size()", "500"),
        ] {
            assert_eq!(run(source).as_deref(), Ok(value), "{source}");
        }
    }

    #[test]
    fn what_decides_hides_what_is_wrong_beside_it() {
        for source in [
            "true || object.missing",
            "object.missing || true",
            "!(object.missing && false)",
            "[1, 2].exists(n, n == 1 ? object.missing : true)",
            "![1, 2].all(n, n == 1 ? object.missing : false)",
            "objects('Event').size() == 0 || true",
        ] {
            assert_eq!(run(source).as_deref(), Ok("true"), "{source}");
        }
        for source in ["object.missing || false", "[1].all(n, object.missing)", "[1].map(n, object.missing)"] {
            assert!(matches!(run(source), Err(Fault::Wrong(_))), "{source}");
        }
    }

    #[test]
    fn what_has_no_value_says_why() {
        for (source, why) in [
            ("object.missing", "there is no `missing`: has() asks whether a field is set"),
            ("1 / 0", "a division by zero"),
            ("9223372036854775807 + 1", "a number is out of range"),
            ("-9223372036854775807 - 2", "a number is out of range"),
            ("1 + 'a'", "a int and a string can't be added"),
            ("1 < 'a'", "a int and a string have no order"),
            ("[1][7]", "the list has no such element"),
            ("quantity('x')", "\"x\" is not a quantity"),
            ("{'a': 1, 'a': 2}", "a map has a key twice"),
            ("objects('Event')", "events: forbidden"),
            ("optional.none().value()", "the optional has no value"),
        ] {
            assert_eq!(run(source), Err(Fault::wrong(why)), "{source}");
        }
    }

    #[test]
    fn nothing_takes_more_than_it_may() {
        let double = |times: usize| {
            let mut source = "'0123456789abcdef'".to_owned();
            for _ in 0..times {
                source = format!("[{source}].map(x, x + x)[0]");
            }
            source
        };
        let large = "objects('Pod').map(n, '0123456789abcdef0123456789abcdef').join('')";
        for source in [
            "objects('Pod').all(a, objects('Pod').all(b, objects('Pod').all(c, a + b + c >= 0)))".to_owned(),
            "objects('Pod').map(a, objects('Pod').map(b, [a, b]))".to_owned(),
            "objects('Pod').map(a, objects('Pod').filter(b, true)).size()".to_owned(),
            format!("objects('Pod').map(a, {large})"),
            format!("objects('Pod').map(a, {large}.replace('0', {large}))"),
            format!("objects('Pod').map(a, {large}.split(''))"),
            format!("objects('Pod').exists(a, {large} + string(a) == {large})"),
            format!("objects('Pod').exists(a, {large}.matches('(x+x+)+y'))"),
            format!("{large}.replace('', {large}).replace('', {large})"),
            format!("objects('Pod').exists(a, {large} in [{large}, {large}] && false)"),
        ] {
            let begun = Instant::now();
            assert!(
                matches!(run(&source), Err(Fault::Limit(_))),
                "{source}: {:?}",
                run(&source).map(|text| text.len())
            );
            assert!(begun.elapsed() < Duration::from_secs(20), "{source} takes {:?}", begun.elapsed());
        }
        assert!(run(&double(5)).is_ok_and(|text| text.len() == 512));
    }

    #[test]
    fn a_limit_is_never_hidden() {
        let endless = "objects('Pod').all(a, objects('Pod').all(b, objects('Pod').all(c, true)))";
        for source in [format!("{endless} || true"), format!("[1].exists(x, {endless} || true)")] {
            assert!(matches!(run(&source), Err(Fault::Limit(_))), "{source}");
        }
    }
}
