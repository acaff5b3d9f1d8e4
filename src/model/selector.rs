//! Label, node and topology selectors with upstream's semantics.

use std::fmt;

use super::lenient::model;
use super::meta::Map;

model! {
    /// `metav1.LabelSelector`: matches where every part does; empty matches everything.
    pub struct LabelSelector {
        pub match_labels: Map,
        pub match_expressions: Vec<Requirement>,
    }

    /// One condition on a label or field.
    pub struct Requirement {
        pub key: String,
        pub operator: String,
        pub values: Vec<String>,
    }

    /// `v1.NodeSelector`: one of the terms must match.
    pub struct NodeSelector {
        pub node_selector_terms: Vec<NodeSelectorTerm>,
    }

    /// A term of a node selector: all requirements must hold; an empty term matches nothing.
    pub struct NodeSelectorTerm {
        pub match_expressions: Vec<Requirement>,
        pub match_fields: Vec<Requirement>,
    }

    /// A term of a class's `allowedTopologies`.
    pub struct TopologySelectorTerm {
        pub match_label_expressions: Vec<TopologyRequirement>,
    }

    /// A topology key with its allowed values.
    pub struct TopologyRequirement {
        pub key: String,
        pub values: Vec<String>,
    }
}

impl LabelSelector {
    /// Whether the selector is valid: known operators with values where they need them
    /// (`apimachinery/pkg/labels/selector.go`, NewRequirement).
    pub fn valid(&self) -> bool {
        self.match_expressions.iter().all(|requirement| match requirement.operator.as_str() {
            "In" | "NotIn" => !requirement.values.is_empty(),
            "Exists" | "DoesNotExist" => requirement.values.is_empty(),
            _ => false,
        })
    }

    /// Whether the labels match; an invalid selector matches nothing.
    pub fn matches(&self, labels: &Map) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.matches_label(labels))
            && self.valid()
    }

    /// The keys of the labels that are asked for.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.match_labels
            .keys()
            .chain(self.match_expressions.iter().map(|requirement| &requirement.key))
            .map(String::as_str)
    }

    /// Whether the selector says nothing and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }
}

/// Whether an optional selector matches: none matches nothing (`LabelSelectorAsSelector`).
pub fn matches(selector: Option<&LabelSelector>, labels: &Map) -> bool {
    selector.is_some_and(|selector| selector.matches(labels))
}

impl fmt::Display for Requirement {
    /// As kubectl writes selectors: `zone in (a, b)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match (self.operator.as_str(), self.values.as_slice()) {
            ("In", [one]) => write!(f, "{key}={one}"),
            ("NotIn", [one]) => write!(f, "{key}!={one}"),
            ("In", values) => write!(f, "{key} in ({})", values.join(", ")),
            ("NotIn", values) => write!(f, "{key} notin ({})", values.join(", ")),
            ("Exists", _) => f.write_str(key),
            ("DoesNotExist", _) => write!(f, "!{key}"),
            ("Gt", values) => write!(f, "{key}>{}", values.join(", ")),
            ("Lt", values) => write!(f, "{key}<{}", values.join(", ")),
            (operator, values) => write!(f, "{key} {operator} ({})", values.join(", ")),
        }
    }
}

impl fmt::Display for LabelSelector {
    /// As kubectl writes selectors, `everything` for the empty one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("everything");
        }
        let labels = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let all: Vec<String> = labels.chain(self.match_expressions.iter().map(ToString::to_string)).collect();
        f.write_str(&all.join(","))
    }
}

/// A requirement of a node selector's term that a node doesn't meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Unmet<'s> {
    pub requirement: &'s Requirement,
    /// Its position in `matchFields` or `matchExpressions`.
    pub position: usize,
    /// Whether it is on a field (`metadata.name`) and not on a label.
    pub field: bool,
    /// What the node has there.
    pub present: Option<String>,
}

/// The term of a node selector that asks least of what a node lacks.
#[derive(Clone, Debug, PartialEq)]
pub struct NearestTerm<'s> {
    /// Its position.
    pub position: usize,
    pub term: &'s NodeSelectorTerm,
    /// Empty for a term that matches nothing at all.
    pub unmet: Vec<Unmet<'s>>,
}

impl Requirement {
    /// Whether labels are as required. `NotIn` holds where the label is absent; `Gt` and `Lt` compare whole numbers.
    pub fn matches_label(&self, labels: &Map) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|value| self.values.contains(value)),
            "NotIn" => value.is_none_or(|value| !self.values.contains(value)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" | "Lt" => self.compares(value),
            _ => false,
        }
    }

    fn compares(&self, value: Option<&String>) -> bool {
        let [bound] = self.values.as_slice() else { return false };
        let (Some(Ok(value)), Ok(bound)) = (value.map(|value| value.parse::<i64>()), bound.parse::<i64>()) else {
            return false;
        };
        if self.operator == "Gt" { value > bound } else { value < bound }
    }

    /// A requirement on a node's labels that `nodeaffinity.go` can't parse makes its term match nothing.
    fn parses_as_node_requirement(&self) -> bool {
        match self.operator.as_str() {
            "In" | "NotIn" => !self.values.is_empty(),
            "Exists" | "DoesNotExist" => self.values.is_empty(),
            "Gt" | "Lt" => matches!(self.values.as_slice(), [bound] if bound.parse::<i64>().is_ok()),
            _ => false,
        }
    }

    /// Only `metadata.name` with `In` or `NotIn` and one value is a valid field requirement.
    fn matches_field(&self, name: &str) -> Option<bool> {
        let [value] = self.values.as_slice() else { return None };
        match (self.key.as_str(), self.operator.as_str()) {
            ("metadata.name", "In") => Some(value == name),
            ("metadata.name", "NotIn") => Some(value != name),
            _ => None,
        }
    }
}

impl NodeSelector {
    /// Whether a node with this name and these labels matches. An empty name stands for the nameless node against
    /// which volumes' node affinity is checked: field requirements are then passed over
    /// (`component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go`).
    pub fn matches(&self, name: &str, labels: &Map) -> bool {
        self.node_selector_terms.iter().any(|term| term.matches(name, labels))
    }
}

impl NodeSelector {
    /// Of the terms the one that lacks least on the node; `None` where one matches or where there is none. The empty
    /// name stands for a nameless node, as for [`NodeSelector::matches`].
    pub fn nearest(&self, name: &str, labels: &Map) -> Option<NearestTerm<'_>> {
        if self.matches(name, labels) {
            return None;
        }
        let terms = self.node_selector_terms.iter().enumerate();
        let nearest = terms.map(|(position, term)| NearestTerm { position, term, unmet: term.unmet(name, labels) });
        nearest.min_by_key(|nearest| (nearest.unmet.is_empty(), nearest.unmet.len()))
    }
}

impl NodeSelectorTerm {
    fn unmet(&self, name: &str, labels: &Map) -> Vec<Unmet<'_>> {
        let fields = self
            .match_fields
            .iter()
            .enumerate()
            .filter(|(_, field)| !name.is_empty() && field.matches_field(name) != Some(true));
        let fields = fields.map(|(position, requirement)| Unmet {
            requirement,
            position,
            field: true,
            present: Some(name.to_owned()),
        });
        let expressions =
            self.match_expressions.iter().enumerate().filter(|(_, requirement)| {
                !requirement.parses_as_node_requirement() || !requirement.matches_label(labels)
            });
        let expressions = expressions.map(|(position, requirement)| Unmet {
            requirement,
            position,
            field: false,
            present: labels.get(&requirement.key).cloned(),
        });
        fields.chain(expressions).collect()
    }

    /// Whether a node with this name and these labels matches.
    pub(crate) fn matches(&self, name: &str, labels: &Map) -> bool {
        if self.match_expressions.is_empty() && self.match_fields.is_empty() {
            return false;
        }
        if !self.match_expressions.iter().all(Requirement::parses_as_node_requirement) {
            return false;
        }
        let fields: Option<Vec<bool>> = self.match_fields.iter().map(|field| field.matches_field(name)).collect();
        let Some(fields) = fields else { return false };
        self.match_expressions.iter().all(|requirement| requirement.matches_label(labels))
            && (name.is_empty() || fields.into_iter().all(|matched| matched))
    }
}

/// Whether a node's labels are among a class's allowed topologies; an empty list allows all
/// (`pkg/apis/core/v1/helper/helpers.go`, MatchTopologySelectorTerms).
pub fn topologies_allow(terms: &[TopologySelectorTerm], labels: &Map) -> bool {
    terms.is_empty()
        || terms.iter().any(|term| {
            !term.match_label_expressions.is_empty()
                && term
                    .match_label_expressions
                    .iter()
                    .all(|requirement| labels.get(&requirement.key).is_some_and(|v| requirement.values.contains(v)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Map {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn requirement(key: &str, operator: &str, values: &[&str]) -> Requirement {
        Requirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        }
    }

    #[test]
    fn no_selector_matches_nothing_and_an_empty_one_everything() {
        assert!(!matches(None, &labels(&[])));
        assert!(matches(Some(&LabelSelector::default()), &labels(&[])));
    }

    #[test]
    fn not_in_holds_for_an_absent_label() {
        let one = |requirement| LabelSelector { match_expressions: vec![requirement], ..LabelSelector::default() };
        assert!(one(requirement("a", "NotIn", &["x"])).matches(&labels(&[])));
        assert!(!one(requirement("a", "In", &["x"])).matches(&labels(&[])));
        assert!(one(requirement("a", "DoesNotExist", &[])).matches(&labels(&[("b", "x")])));
        assert!(!one(requirement("a", "NotIn", &[])).matches(&labels(&[])), "no values is invalid");
        assert!(!one(requirement("a", "Gt", &["1"])).matches(&labels(&[("a", "2")])), "Gt is for nodes alone");
    }

    #[test]
    fn node_selector_terms_are_alternatives_and_empty_terms_match_nothing() {
        let node = labels(&[("zone", "a"), ("rank", "10")]);
        let selector = |terms: Vec<NodeSelectorTerm>| NodeSelector { node_selector_terms: terms };
        let expressions = |list: Vec<Requirement>| NodeSelectorTerm { match_expressions: list, ..Default::default() };
        assert!(!selector(vec![]).matches("n", &node));
        assert!(!selector(vec![NodeSelectorTerm::default()]).matches("n", &node));
        assert!(selector(vec![expressions(vec![requirement("rank", "Gt", &["9"])])]).matches("n", &node));
        assert!(!selector(vec![expressions(vec![requirement("rank", "Gt", &["9", "8"])])]).matches("n", &node));
        assert!(!selector(vec![expressions(vec![requirement("zone", "Lt", &["9"])])]).matches("n", &node));
        let fields = |values: &[&str]| NodeSelectorTerm {
            match_fields: vec![requirement("metadata.name", "In", values)],
            ..Default::default()
        };
        assert!(selector(vec![fields(&["n"])]).matches("n", &node));
        assert!(!selector(vec![fields(&["n", "m"])]).matches("n", &node), "one value only");
        assert!(selector(vec![fields(&["other"])]).matches("", &node), "a nameless node passes field requirements");
    }

    #[test]
    fn allowed_topologies_combine_keys_within_a_term() {
        let term = |pairs: &[(&str, &str)]| TopologySelectorTerm {
            match_label_expressions: pairs
                .iter()
                .map(|(key, value)| TopologyRequirement { key: (*key).to_owned(), values: vec![(*value).to_owned()] })
                .collect(),
        };
        let node = labels(&[("zone", "a"), ("region", "r")]);
        assert!(topologies_allow(&[], &node));
        assert!(!topologies_allow(&[term(&[])], &node));
        assert!(topologies_allow(&[term(&[("zone", "b")]), term(&[("zone", "a"), ("region", "r")])], &node));
        assert!(!topologies_allow(&[term(&[("zone", "a"), ("region", "s")])], &node));
    }
}
