//! A compiled expression.

use std::collections::BTreeSet;

use regex::Regex;

use super::functions::Function;
use super::value::Value;
use crate::model::Kind;

/// A part of an expression. What it names is settled, so that only values can be wrong when it is evaluated.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Literal(Value),
    Variable(Variable),
    /// A variable of a fold, by its place.
    Local(usize),
    Field(Box<Node>, String),
    /// `a.?b`
    FieldIfAny(Box<Node>, String),
    /// `has(a.b)`
    Has(Box<Node>, String),
    At(Box<Node>, Box<Node>),
    /// `a[?b]`
    AtIfAny(Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    If(Box<[Node; 3]>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Operator(Operator, Box<Node>, Box<Node>),
    /// True where the operand is true or has no value: what `all` and `exists` go on for.
    NotFalse(Box<Node>),
    Fold(Box<Fold>),
    /// Adds elements to the list that a fold makes.
    Append(usize, Vec<Node>),
    Call(Function, Vec<Node>),
    /// `a.matches("b")` with a pattern that stands in the rule.
    Matches(Box<Node>, Box<Pattern>),
    /// `objects("Kind")`, in a namespace where one is given.
    Objects(Kind, Option<Box<Node>>),
    /// `find("Kind", namespace, name)`; cluster-scoped kinds have no namespace.
    Find(Kind, Option<Box<Node>>, Box<Node>),
}

/// What all expressions of a rule can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variable {
    /// The object that is judged.
    Object,
    /// What upstream decides of it: of pods and claims.
    Verdict,
    /// The events about it, oldest first.
    Events,
    /// The time at which the facts are judged.
    Now,
    /// The object that a fact is read from.
    It,
}

/// An operator with two operands, both of which must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

/// What `all`, `exists`, `exists_one`, `map` and `filter` are made of.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    pub(crate) range: Node,
    /// The place of the element.
    pub(crate) element: usize,
    /// The place of the result so far.
    pub(crate) result: usize,
    pub(crate) start: Node,
    pub(crate) goes_on: Node,
    pub(crate) step: Node,
    pub(crate) end: Node,
}

/// A pattern that was compiled within bounds.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// Steps that a byte of text can take.
    pub(crate) cost: u64,
}

/// A whole expression.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) node: Node,
    /// Places for the variables of folds.
    pub(crate) locals: usize,
    /// The kinds whose objects it looks at beside its own.
    pub(crate) kinds: BTreeSet<Kind>,
    /// What it yields, as far as that is known.
    pub(crate) origin: Option<Origin>,
}

/// Where in the objects of a kind a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) kind: Kind,
    pub(crate) path: Vec<Step>,
}

/// A step on the way to a value in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Field(String),
    /// An element of a list, or a value of a map.
    Any,
}

impl Origin {
    /// The object itself.
    pub(crate) fn object(kind: Kind) -> Self {
        Self { kind, path: Vec::new() }
    }

    /// One step further.
    pub(crate) fn then(&self, step: Step) -> Self {
        let mut path = self.path.clone();
        path.push(step);
        Self { kind: self.kind, path }
    }
}
