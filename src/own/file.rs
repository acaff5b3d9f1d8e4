//! The file of a rule. `docs/schema/rule.v1.json` is made from these types. Fields are added, never renamed.

use serde::Deserialize;

use crate::diagnosis::{Confidence, Risk, Severity};

/// A rule of one's own: what it looks at, when it speaks, and what it then says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RuleFile {
    /// The fault, in kebab case. Reports call the rule `own/NAME`.
    pub(crate) name: String,
    /// The fault in one sentence, for `rules` and `explain`.
    pub(crate) summary: String,
    pub(crate) severity: Level,
    #[serde(default)]
    pub(crate) confidence: Sureness,
    /// The kind of the objects that the rule judges, each by itself.
    #[cfg_attr(test, schemars(schema_with = "kinds"))]
    pub(crate) kind: String,
    /// When the rule speaks: an expression in CEL that yields a bool.
    pub(crate) when: String,
    /// The cause in one sentence, with expressions in braces: `pod {object.metadata.name} has no team`.
    pub(crate) title: String,
    /// The facts that the cause rests on.
    #[serde(default)]
    pub(crate) evidence: Vec<FactEntry>,
    /// What the cause explains: an expression that yields an object or a list of objects. By default the object itself.
    #[serde(default)]
    pub(crate) explains: Option<String>,
    /// What to do, the best first. It is told, never run.
    #[serde(default)]
    pub(crate) remedies: Vec<RemedyEntry>,
    /// Small clusters with what the rule says of them, for `rules test`.
    #[serde(default)]
    pub(crate) examples: Vec<Example>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum Level {
    /// What the rule explains is blocked by it.
    Error,
    /// Nothing is blocked by it now, but something is wrong.
    Warning,
    /// Worth knowing; nothing is wrong.
    Info,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum Sureness {
    /// The facts prove it.
    #[default]
    Certain,
    /// The facts point to it.
    Likely,
}

/// A fact: a field with what stands there.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct FactEntry {
    /// The object that has the field: an expression, such as `find("StorageClass", object.spec.storageClassName)`. By
    /// default the object that is judged.
    #[serde(default)]
    pub(crate) object: Option<String>,
    /// The field, such as `spec.containers[0].image`; what stands there is read from the object.
    pub(crate) path: String,
    /// Why it matters, with expressions in braces.
    #[serde(default)]
    pub(crate) note: String,
}

/// A repair.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RemedyEntry {
    /// What it does, with expressions in braces.
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) risk: Danger,
    /// In the order in which to do them.
    pub(crate) steps: Vec<StepEntry>,
}

/// What a repair can cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum Danger {
    /// Adds or corrects something; nothing running is touched.
    #[default]
    Low,
    /// Restarts or changes something that runs.
    Medium,
    /// May lose data or stop more than the victim.
    High,
}

/// A step of a repair.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StepEntry {
    /// What is done, with expressions in braces.
    pub(crate) what: String,
    /// The command to paste, with expressions in braces, each of which becomes one quoted word of the shell.
    #[serde(default)]
    pub(crate) command: Option<String>,
}

/// A small cluster with what the rule says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Example {
    /// What the cluster shows.
    pub(crate) name: String,
    /// The time of the example, RFC 3339, for rules that ask `now`.
    #[serde(default)]
    pub(crate) now: Option<String>,
    /// All objects of the cluster, as the API has them.
    pub(crate) cluster: Vec<serde_json::Value>,
    /// What the rule says; nothing where it is silent.
    pub(crate) fires: Vec<Expected>,
}

/// What a rule is to say of an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Expected {
    /// The object: `Kind/NAMESPACE/NAME`, or `Kind/NAME` for those without a namespace.
    pub(crate) object: String,
    /// The whole title; where it isn't given, any will do.
    #[serde(default)]
    pub(crate) title: Option<String>,
}

impl Level {
    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Info => Severity::Info,
        }
    }
}

impl Sureness {
    pub(crate) fn confidence(self) -> Confidence {
        match self {
            Self::Certain => Confidence::Certain,
            Self::Likely => Confidence::Likely,
        }
    }
}

impl Danger {
    pub(crate) fn risk(self) -> Risk {
        match self {
            Self::Low => Risk::Low,
            Self::Medium => Risk::Medium,
            Self::High => Risk::High,
        }
    }
}

#[cfg(test)]
fn kinds(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let kinds: Vec<&str> = crate::model::Kind::ALL.iter().map(|kind| kind.name()).collect();
    schemars::json_schema!({"type": "string", "enum": kinds})
}

#[cfg(test)]
mod tests {
    use super::RuleFile;

    #[test]
    fn the_schema_is_that_of_the_types() {
        crate::schema_file::compare::<RuleFile>("rule.v1.json");
    }
}
