//! `TYPE/NAME`, `TYPE NAME …` and `TYPE[,TYPE]`, as kubectl takes them.

use super::error::CliError;
use crate::model::Kind;

/// What the user asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    /// `None` for every object of the kind.
    pub(crate) name: Option<String>,
}

/// The kinds that can be asked about.
pub(crate) const KINDS: &[Kind] = &[
    Kind::Pod,
    Kind::PersistentVolumeClaim,
    Kind::PersistentVolume,
    Kind::StorageClass,
    Kind::StatefulSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::DaemonSet,
    Kind::Job,
];

/// Reads the operands of a call.
///
/// # Errors
/// Where a word is neither a kind nor `TYPE/NAME`, or the two forms are mixed.
pub(crate) fn parse(words: &[String]) -> Result<Vec<Target>, CliError> {
    let Some(first) = words.first() else { return Ok(Vec::new()) };
    if words.iter().any(|word| word.contains('/')) {
        return words.iter().map(|word| with_slash(word)).collect();
    }
    let kinds = first.split(',').map(kind).collect::<Result<Vec<_>, _>>()?;
    let names = &words[1..];
    let every = |kind: &Kind| -> Vec<Target> {
        if names.is_empty() {
            return vec![Target { kind: *kind, name: None }];
        }
        names.iter().map(|name| Target { kind: *kind, name: Some(name.clone()) }).collect()
    };
    Ok(kinds.iter().flat_map(every).collect())
}

fn with_slash(word: &str) -> Result<Target, CliError> {
    match word.split_once('/') {
        Some((kind_word, name)) if !name.is_empty() && !name.contains('/') => {
            Ok(Target { kind: kind(kind_word)?, name: Some(name.to_owned()) })
        }
        _ => Err(CliError::usage(format!("`{word}` is not TYPE/NAME"))
            .hinted("write each one like pod/vault-0, or one type and then its names: pod vault-0 vault-1")),
    }
}

fn kind(word: &str) -> Result<Kind, CliError> {
    match Kind::from_user(word) {
        Some(kind) if KINDS.contains(&kind) => Ok(kind),
        Some(kind) => Err(CliError::usage(format!("{} can't be diagnosed by name", kind.plural())).hinted(hint())),
        None => Err(CliError::usage(format!("`{word}` is neither a command nor a type")).hinted(hint())),
    }
}

fn hint() -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.plural()).collect();
    format!("types are {}; `kubectl storagewhy --help` lists the commands", kinds.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(call: &str) -> Result<Vec<String>, String> {
        let words: Vec<String> = call.split_whitespace().map(str::to_owned).collect();
        let show = |target: &Target| format!("{}/{}", target.kind, target.name.as_deref().unwrap_or("*"));
        parse(&words).map(|targets| targets.iter().map(show).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn targets_are_written_as_for_kubectl() {
        assert_eq!(parsed(""), Ok(vec![]));
        assert_eq!(parsed("pod/a sts/b"), Ok(vec!["Pod/a".into(), "StatefulSet/b".into()]));
        assert_eq!(parsed("po a b"), Ok(vec!["Pod/a".into(), "Pod/b".into()]));
        assert_eq!(parsed("pvc"), Ok(vec!["PersistentVolumeClaim/*".into()]));
        assert_eq!(parsed("pods,pvc"), Ok(vec!["Pod/*".into(), "PersistentVolumeClaim/*".into()]));
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for call in ["vault-0", "pod/a b", "pod/", "pod/a/b", "secret/x", "events", "/a"] {
            assert!(parsed(call).is_err(), "{call}");
        }
    }
}
