//! The kind that a file's name or folder tells.

use crate::model::Kind;

/// Whether a file of a folder or archive can hold objects, by its name.
pub(super) fn is_candidate(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let path = path.strip_suffix(".gz").unwrap_or(&path);
    [".json", ".yaml", ".yml"].iter().any(|ending| path.ends_with(ending))
}

/// The kind after which a file or its folder is named: `pvc.json`, `storage-classes.json`, `pods/app.json`,
/// `daemonset-list.json`.
pub(super) fn kind_of_path(path: &str) -> Option<Kind> {
    let mut parts = path.rsplit(['/', '\\']);
    let file = parts.next().unwrap_or_default();
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    kind_of_word(stem).or_else(|| parts.next().and_then(kind_of_word))
}

/// The kind after whose plural a file's folder is named, as must-gather has it.
pub(super) fn kind_of_folder(path: &str) -> Option<Kind> {
    let folder = path.rsplit(['/', '\\']).nth(1)?;
    Kind::ALL.iter().copied().find(|kind| kind.plural() == folder)
}

fn kind_of_word(word: &str) -> Option<Kind> {
    let word: String = word.to_ascii_lowercase().chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
    let word = word.strip_suffix("list").unwrap_or(&word);
    Kind::ALL.iter().copied().find(|kind| {
        let short = |short: &&str| word == *short || word.strip_suffix('s') == Some(*short);
        kind.plural() == word || kind.name().eq_ignore_ascii_case(word) || kind.short_names().iter().any(short)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_tell_their_kind() {
        for (path, kind) in [
            ("pdb.json", Some(Kind::PodDisruptionBudget)),
            ("dump/persistentvolumeclaims.yaml", Some(Kind::PersistentVolumeClaim)),
            ("cluster-resources/storage-classes.json", Some(Kind::StorageClass)),
            ("cluster-resources/pvcs/app.json", Some(Kind::PersistentVolumeClaim)),
            ("kube-system/daemonset-list.json", Some(Kind::DaemonSet)),
            ("cluster.json", None),
            ("", None),
        ] {
            assert_eq!(kind_of_path(path), kind, "{path}");
        }
        assert_eq!(kind_of_folder("core/nodes/n1.yaml"), Some(Kind::Node));
        assert_eq!(kind_of_folder("n1.yaml"), None);
    }
}
