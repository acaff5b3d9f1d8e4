//! From text to a compiled expression: the `cel` crate parses, and everything that a name can be wrong about is found here.

use std::collections::BTreeSet;
use std::thread;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use cel::parser::Parser;

use super::functions::{self, Form};
use super::node::{Fold, Node, Operator, Origin, Program, Step, Variable};
use super::pattern;
use super::value::Value;
use crate::model::Kind;

/// Bytes that an expression may have.
const LENGTH: usize = 4096;
/// Brackets and question marks that it may have, each of which can be a level for the parser.
const BRACKETS: usize = 256;
/// Levels of a parsed expression.
const DEPTH: usize = 100;
/// Folds that may stand in each other.
const FOLDS: usize = 6;
/// The stack that the parser runs on. What keeps within `LENGTH` and `BRACKETS` takes less than a quarter of it.
const STACK: usize = 64 << 20;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Characters before it.
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// What an expression can name, and what is known of the objects that it reads.
pub(crate) struct Scope<'s> {
    /// The kind of the object that is judged.
    pub(crate) kind: Kind,
    /// Whether and what `it` is.
    pub(crate) it: Option<Option<Origin>>,
    /// Whether objects can have a field there.
    pub(crate) has_field: &'s (dyn Fn(&Origin) -> bool + Sync),
}

/// Compiles an expression.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn compile(source: &str, scope: &Scope<'_>) -> Result<Program, Flaw> {
    let source = source.trim_end();
    let flaw = |message: String| Flaw { at: 0, message };
    if source.len() > LENGTH {
        return Err(flaw(format!("the expression is longer than {LENGTH} bytes")));
    }
    if source.chars().filter(|c| "([{?".contains(*c)).count() > BRACKETS {
        return Err(flaw(format!("the expression has more than {BRACKETS} brackets")));
    }
    thread::scope(|threads| {
        let work = thread::Builder::new().stack_size(STACK).spawn_scoped(threads, || parsed(source, scope));
        let done = work.map_err(|error| flaw(format!("can't be parsed: {error}")))?.join();
        done.unwrap_or_else(|_| Err(flaw("can't be parsed".to_owned())))
    })
}

fn parsed(source: &str, scope: &Scope<'_>) -> Result<Program, Flaw> {
    let parser = Parser::new().enable_optional_syntax(true).enable_ident_escape_syntax(true);
    let (tree, info) = parser.parse_with_source_info(source).map_err(|errors| syntax_error(source, &errors))?;
    let mut compiler = Compiler { scope, info: &info, locals: Vec::new(), places: 0, folds: 0, kinds: BTreeSet::new() };
    let (node, origin) = compiler.node(&tree, 0)?;
    let Compiler { places, kinds, .. } = compiler;
    Ok(Program { node, locals: places, kinds, origin })
}

/// The first thing that the parser says.
fn syntax_error(source: &str, errors: &cel::ParseErrors) -> Flaw {
    let Some(first) = errors.errors.first() else { return Flaw { at: 0, message: "syntax error".to_owned() } };
    let (line, column) = (usize::try_from(first.pos.0).unwrap_or(0), usize::try_from(first.pos.1).unwrap_or(0));
    let before: usize =
        source.split_inclusive('\n').take(line.saturating_sub(1)).map(|line| line.chars().count()).sum();
    let at = (before + column.saturating_sub(1)).min(source.chars().count());
    Flaw { at, message: in_short(&first.msg) }
}

/// What the parser says, without its list of all that could stand there.
fn in_short(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let unexpected = message.strip_prefix("mismatched input ").or_else(|| message.strip_prefix("extraneous input "));
    match unexpected.and_then(|rest| rest.split_once(" expecting ")) {
        Some(("'<EOF>'", _)) => "the expression ends too early".to_owned(),
        Some((found, _)) => format!("{found} is not expected here"),
        None => message.to_owned(),
    }
}

struct Compiler<'c> {
    scope: &'c Scope<'c>,
    info: &'c SourceInfo,
    /// The variables of the folds around, with their places and what is known of them.
    locals: Vec<(String, usize, Option<Origin>)>,
    places: usize,
    folds: usize,
    kinds: BTreeSet<Kind>,
}

type Compiled = Result<(Node, Option<Origin>), Flaw>;

impl Compiler<'_> {
    fn flaw(&self, at: &IdedExpr, message: impl Into<String>) -> Flaw {
        let bytes = self.info.offset_for(at.id).map_or(0, |(start, _)| start as usize);
        let at = self.info.source.get(..bytes).map_or(0, |before| before.chars().count());
        Flaw { at, message: message.into() }
    }

    fn node(&mut self, tree: &IdedExpr, depth: usize) -> Compiled {
        if depth > DEPTH {
            return Err(self.flaw(tree, format!("the expression is nested more than {DEPTH} levels deep")));
        }
        match &tree.expr {
            Expr::Literal(literal) => Ok((Node::Literal(literal_value(literal)), None)),
            Expr::Ident(name) => self.name(tree, name),
            Expr::Select(select) => {
                let (of, origin) = self.node(&select.operand, depth + 1)?;
                let origin = self.field(tree, origin, &select.field)?;
                let of = Box::new(of);
                let field = select.field.clone();
                Ok((if select.test { Node::Has(of, field) } else { Node::Field(of, field) }, origin))
            }
            Expr::List(list) if list.optional_indices.is_empty() => {
                let items = list.elements.iter().map(|item| Ok(self.node(item, depth + 1)?.0));
                Ok((Node::List(items.collect::<Result<_, _>>()?), None))
            }
            Expr::Map(map) => self.map(tree, &map.entries, depth),
            Expr::Call(call) => self.call(tree, call, depth),
            Expr::Comprehension(fold) => self.fold(tree, fold, depth),
            Expr::List(_) => Err(self.flaw(tree, "optional elements are not supported")),
            Expr::Struct(_) => Err(self.flaw(tree, "messages are not supported: write a map, such as {\"a\": 1}")),
            Expr::Unspecified => Err(self.flaw(tree, "an expression is missing")),
        }
    }

    fn map(&mut self, tree: &IdedExpr, entries: &[cel::common::ast::IdedEntryExpr], depth: usize) -> Compiled {
        let mut nodes = Vec::with_capacity(entries.len());
        for entry in entries {
            match &entry.expr {
                EntryExpr::MapEntry(entry) if !entry.optional => {
                    nodes.push((self.node(&entry.key, depth + 1)?.0, self.node(&entry.value, depth + 1)?.0));
                }
                _ => return Err(self.flaw(tree, "optional entries are not supported")),
            }
        }
        Ok((Node::Map(nodes), None))
    }

    fn name(&mut self, tree: &IdedExpr, name: &str) -> Compiled {
        if let Some((_, place, origin)) = self.locals.iter().rev().find(|(local, ..)| local == name) {
            return Ok((Node::Local(*place), origin.clone()));
        }
        let decided = matches!(self.scope.kind, Kind::Pod | Kind::PersistentVolumeClaim);
        let (variable, origin) = match (name, &self.scope.it) {
            ("object", _) => (Variable::Object, Some(Origin::object(self.scope.kind))),
            ("events", _) => (Variable::Events, Some(Origin::object(Kind::Event))),
            ("now", _) => (Variable::Now, None),
            ("verdict", _) if decided => (Variable::Verdict, None),
            ("it", Some(origin)) => (Variable::It, origin.clone()),
            ("verdict", _) => return Err(self.flaw(tree, "only pods and claims have a `verdict`")),
            _ => return Err(self.flaw(tree, format!("there is no variable `{name}`: {}", self.names()))),
        };
        Ok((Node::Variable(variable), origin))
    }

    fn names(&self) -> &'static str {
        match self.scope.kind {
            Kind::Pod | Kind::PersistentVolumeClaim => "there are object, verdict, events and now",
            _ => "there are object, events and now",
        }
    }

    /// What is known of a field, which must be one that objects can have.
    fn field(&self, tree: &IdedExpr, of: Option<Origin>, name: &str) -> Result<Option<Origin>, Flaw> {
        let Some(origin) = of.map(|of| of.then(Step::Field(name.to_owned()))) else { return Ok(None) };
        if (self.scope.has_field)(&origin) {
            return Ok(Some(origin));
        }
        let shown = |step: &Step| match step {
            Step::Field(name) => format!(".{name}"),
            Step::Any => "[]".to_owned(),
        };
        let path: String = origin.path.iter().map(shown).collect();
        let path = path.trim_start_matches(['.', '[', ']']);
        let message = format!("a snapshot keeps no field `{path}` of a {}", origin.kind);
        Err(self.flaw(tree, message))
    }

    fn call(&mut self, tree: &IdedExpr, call: &CallExpr, depth: usize) -> Compiled {
        if let Some(node) = self.operator(tree, call, depth)? {
            return Ok(node);
        }
        match (call.target.as_deref(), call.func_name.as_str()) {
            (None, "objects") => return self.objects(tree, &call.args, depth),
            (None, "find") => return self.find(tree, &call.args, depth),
            (Some(target), name) if matches!(&target.expr, Expr::Ident(target) if target == "optional") => {
                return self.optional(tree, name, &call.args, depth);
            }
            _ => {}
        }
        let form = if call.target.is_some() { Form::Member } else { Form::Global };
        let operands = call.target.iter().map(|target| &**target).chain(&call.args);
        let mut nodes = Vec::with_capacity(call.args.len() + 1);
        let mut origin = None;
        for (position, operand) in operands.enumerate() {
            let (node, of) = self.node(operand, depth + 1)?;
            origin = if position == 0 { of } else { origin };
            nodes.push(node);
        }
        let function = functions::find(&call.func_name, form, nodes.len()).map_err(|why| self.flaw(tree, why))?;
        let node = match (function, nodes.as_slice()) {
            (functions::Function::Matches, [_, Node::Literal(Value::Text(text))]) => {
                let pattern = pattern::compile(text).map_err(|why| self.flaw(tree, why))?;
                let of = nodes.swap_remove(0);
                return Ok((Node::Matches(Box::new(of), Box::new(pattern)), None));
            }
            (functions::Function::Matches, _) => {
                return Err(self.flaw(tree, "matches() takes a pattern that stands in the rule"));
            }
            _ => Node::Call(function, nodes),
        };
        Ok((node, origin.filter(|_| function.keeps_place())))
    }

    fn optional(&mut self, tree: &IdedExpr, name: &str, args: &[IdedExpr], depth: usize) -> Compiled {
        match (name, args) {
            ("none", []) => Ok((Node::Literal(Value::Optional(None)), None)),
            ("of", [value]) => {
                let (node, origin) = self.node(value, depth + 1)?;
                Ok((Node::Call(functions::Function::OptionalOf, vec![node]), origin))
            }
            _ => Err(self.flaw(tree, format!("there is no function `optional.{name}` of {} arguments", args.len()))),
        }
    }

    /// The node of a call that is an operator.
    fn operator(
        &mut self,
        tree: &IdedExpr,
        call: &CallExpr,
        depth: usize,
    ) -> Result<Option<(Node, Option<Origin>)>, Flaw> {
        use operators as is;
        let name = call.func_name.as_str();
        let node = match (name, call.args.as_slice()) {
            (is::CONDITIONAL, [condition, yes, no]) => {
                let (condition, yes, no) =
                    (self.node(condition, depth + 1)?, self.node(yes, depth + 1)?, self.node(no, depth + 1)?);
                let origin = yes.1.filter(|origin| Some(origin) == no.1.as_ref());
                (Node::If(Box::new([condition.0, yes.0, no.0])), origin)
            }
            (is::LOGICAL_NOT, [of]) => (Node::Not(self.boxed(of, depth)?), None),
            (is::NEGATE, [of]) => (Node::Negate(self.boxed(of, depth)?), None),
            (is::NOT_STRICTLY_FALSE, [of]) => (Node::NotFalse(self.boxed(of, depth)?), None),
            (is::OPT_SELECT, [of, field]) => {
                let (of, origin) = self.node(of, depth + 1)?;
                let Expr::Literal(LiteralValue::String(field)) = &field.expr else {
                    return Err(self.flaw(tree, "a field has a name"));
                };
                let field = field.inner().to_owned();
                let origin = self.field(tree, origin, &field)?;
                (Node::FieldIfAny(Box::new(of), field), origin)
            }
            (is::INDEX, [of, at]) => self.index(tree, (of, at), depth, Node::At)?,
            (is::OPT_INDEX, [of, at]) => self.index(tree, (of, at), depth, Node::AtIfAny)?,
            (is::LOGICAL_AND, [a, b]) => (Node::And(self.boxed(a, depth)?, self.boxed(b, depth)?), None),
            (is::LOGICAL_OR, [a, b]) => (Node::Or(self.boxed(a, depth)?, self.boxed(b, depth)?), None),
            (_, [a, b]) => {
                let Some(operator) = binary(name) else { return Ok(None) };
                (Node::Operator(operator, self.boxed(a, depth)?, self.boxed(b, depth)?), None)
            }
            _ => return Ok(None),
        };
        Ok(Some(node))
    }

    fn boxed(&mut self, tree: &IdedExpr, depth: usize) -> Result<Box<Node>, Flaw> {
        Ok(Box::new(self.node(tree, depth + 1)?.0))
    }

    /// An element, or a field that is written as one: `labels["app"]`.
    fn index(
        &mut self,
        tree: &IdedExpr,
        (of, at): (&IdedExpr, &IdedExpr),
        depth: usize,
        make: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Compiled {
        let (of, origin) = self.node(of, depth + 1)?;
        let (at, _) = self.node(at, depth + 1)?;
        let origin = match &at {
            Node::Literal(Value::Text(name)) => self.field(tree, origin, name)?,
            _ => origin.map(|origin| origin.then(Step::Any)),
        };
        Ok((make(Box::new(of), Box::new(at)), origin))
    }

    fn fold(&mut self, tree: &IdedExpr, fold: &ComprehensionExpr, depth: usize) -> Compiled {
        if fold.iter_var2.is_some() {
            return Err(self.flaw(tree, "loops over two variables are not supported"));
        }
        if self.folds == FOLDS {
            return Err(self.flaw(tree, format!("more than {FOLDS} loops stand in each other")));
        }
        let (range, origin) = self.node(&fold.iter_range, depth + 1)?;
        let (start, _) = self.node(&fold.accu_init, depth + 1)?;
        let element = self.places;
        let result = self.places + 1;
        self.places += 2;
        self.folds += 1;
        // The objects of a list have the origin of their kind; elements within an object are a step further.
        let of_element = origin.map(|origin| if origin.path.is_empty() { origin } else { origin.then(Step::Any) });
        self.locals.push((fold.iter_var.clone(), element, of_element.clone()));
        self.locals.push((fold.accu_var.clone(), result, None));
        let parts = [&fold.loop_cond, &fold.loop_step, &fold.result].map(|part| self.part(part, fold, result, depth));
        self.locals.truncate(self.locals.len() - 2);
        self.folds -= 1;
        let [goes_on, step, end] = parts;
        let kept = matches!(&step, Ok(Node::If(_))).then_some(of_element).flatten();
        let fold = Fold { range, element, result, start, goes_on: goes_on?, step: step?, end: end? };
        Ok((Node::Fold(Box::new(fold)), kept.filter(|origin| origin.path.is_empty())))
    }

    /// A part of a fold. What adds to its list is told apart, so that the list is not copied each time.
    fn part(&mut self, tree: &IdedExpr, fold: &ComprehensionExpr, result: usize, depth: usize) -> Result<Node, Flaw> {
        let is_result = |tree: &IdedExpr| matches!(&tree.expr, Expr::Ident(name) if *name == fold.accu_var);
        if let Expr::Call(call) = &tree.expr {
            match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::ADD, [left, IdedExpr { expr: Expr::List(list), .. }]) if is_result(left) => {
                    let items = list.elements.iter().map(|item| Ok(self.node(item, depth + 2)?.0));
                    return Ok(Node::Append(result, items.collect::<Result<_, _>>()?));
                }
                (operators::CONDITIONAL, [condition, yes, no]) if is_result(no) => {
                    let condition = self.node(condition, depth + 2)?.0;
                    let yes = self.part(yes, fold, result, depth + 1)?;
                    return Ok(Node::If(Box::new([condition, yes, Node::Local(result)])));
                }
                _ => {}
            }
        }
        Ok(self.node(tree, depth + 1)?.0)
    }

    fn objects(&mut self, tree: &IdedExpr, args: &[IdedExpr], depth: usize) -> Compiled {
        let kind = self.kind(tree, args.first())?;
        let namespace = match args {
            [_] => None,
            [_, namespace] if kind.namespaced() => Some(self.boxed(namespace, depth)?),
            [_, _] => return Err(self.flaw(tree, format!("a {kind} has no namespace"))),
            _ => return Err(self.flaw(tree, "objects() takes a kind and at most a namespace")),
        };
        Ok((Node::Objects(kind, namespace), Some(Origin::object(kind))))
    }

    fn find(&mut self, tree: &IdedExpr, args: &[IdedExpr], depth: usize) -> Compiled {
        let kind = self.kind(tree, args.first())?;
        let (namespace, name) = match args {
            [_, name] if !kind.namespaced() => (None, self.boxed(name, depth)?),
            [_, namespace, name] if kind.namespaced() => {
                (Some(self.boxed(namespace, depth)?), self.boxed(name, depth)?)
            }
            _ if kind.namespaced() => {
                return Err(self.flaw(tree, format!("find(\"{kind}\", NAMESPACE, NAME) takes a namespace and a name")));
            }
            _ => return Err(self.flaw(tree, format!("find(\"{kind}\", NAME) takes a name"))),
        };
        Ok((Node::Find(kind, namespace, name), Some(Origin::object(kind))))
    }

    /// The kind that a look-up names.
    fn kind(&mut self, tree: &IdedExpr, arg: Option<&IdedExpr>) -> Result<Kind, Flaw> {
        let Some(Expr::Literal(LiteralValue::String(name))) = arg.map(|arg| &arg.expr) else {
            return Err(
                self.flaw(tree, "the first argument is a kind that stands in the rule, such as \"StorageClass\"")
            );
        };
        let kind = Kind::named(name.inner());
        let kind = kind.ok_or_else(|| self.flaw(arg.unwrap_or(tree), format!("no kind `{}` is read", name.inner())))?;
        self.kinds.insert(kind);
        Ok(kind)
    }
}

fn literal_value(literal: &LiteralValue) -> Value {
    match literal {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Bytes(value) => Value::Bytes(value.inner().into()),
        LiteralValue::Double(value) => Value::Double(*value.inner()),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(value) => Value::text(value.inner()),
        LiteralValue::UInt(value) => Value::Uint(*value.inner()),
    }
}

fn binary(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Modulo,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => Operator::In,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(source: &str) -> Result<Program, Flaw> {
        compile(source, &Scope { kind: Kind::Pod, it: None, has_field: &|_| true })
    }

    #[test]
    fn names_that_are_wrong_are_found_before_anything_is_evaluated() {
        for (source, at, says) in [
            ("1 +", 3, "ends too early"),
            ("true && thing", 8, "there is no variable `thing`"),
            ("object.frobnicate()", 17, "there is no function"),
            ("objects('Secret')", 8, "no kind `Secret` is read"),
            ("objects(object.kind)", 7, "stands in the rule"),
            ("find('StorageClass', 'a', 'b')", 4, "takes a name"),
            ("'a'.matches('(')", 11, "pattern"),
            ("size(1, 2)", 4, "size"),
        ] {
            let flaw = compiled(source).err().unwrap_or_else(|| panic!("{source} is taken"));
            assert!(flaw.message.contains(says), "{source}: {}", flaw.message);
            assert_eq!(flaw.at, at, "{source}: {}", flaw.message);
        }
    }

    #[test]
    fn positions_count_characters() {
        assert_eq!(compiled("'äöü😀' == thing").err().map(|flaw| flaw.at), Some(10));
    }

    #[test]
    fn hostile_texts_are_refused_in_time() {
        let many = |text: &str| text.repeat(LENGTH / text.len());
        for text in [
            "(", "[", "{1:", "!", "-", "1+", "a.b.", "a?", "a?b:", "f(", "a.all(x,", "has(", "'", "\"\"\"", "\\",
            "a[0]", "&&",
        ] {
            assert!(compiled(&many(text)).is_err(), "{text}");
        }
        for text in [format!("1{}", many("+1 ")), format!("object{}", many(".b")), format!("{}true", many("!"))] {
            assert!(compiled(&text[..text.len().min(LENGTH)]).is_err(), "{}", &text[..20]);
        }
        assert!(compiled(&"a".repeat(LENGTH + 1)).is_err());
    }
}
