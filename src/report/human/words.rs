//! Numbers and lists in words.

pub use crate::diagnosis::text::count;

/// How many names of a list are written out.
pub const NAMES: usize = 12;

/// A list of names, cut with the number of those left out.
pub fn names<S: AsRef<str>>(list: &[S], most: usize) -> String {
    let most = if list.len() == most + 1 { list.len() } else { most };
    let shown: Vec<&str> = list.iter().take(most).map(AsRef::as_ref).collect();
    match list.len() - shown.len() {
        0 => shown.join(", "),
        rest => format!("{}, … and {rest} more", shown.join(", ")),
    }
}

/// A name, with its namespace unless that is the one the report is about.
pub fn local(about: Option<&str>, namespace: &str, name: &str) -> String {
    if namespace.is_empty() || about == Some(namespace) { name.to_owned() } else { format!("{namespace}/{name}") }
}

/// A kind as a noun: `pod`, `claim`, `StorageClass`.
pub fn noun(kind: &str) -> &str {
    match kind {
        "Pod" => "pod",
        "PersistentVolumeClaim" => "claim",
        "PersistentVolume" => "volume",
        "Node" => "node",
        "Namespace" => "namespace",
        "Event" => "event",
        "Service" => "service",
        other => other,
    }
}

/// The plural of a kind's noun.
pub fn plural(kind: &str) -> String {
    match noun(kind) {
        noun if noun.ends_with('s') => format!("{noun}es"),
        noun if noun.ends_with("ty") => format!("{}ies", &noun[..noun.len() - 1]),
        noun => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_say_how_many_are_left_out() {
        let list: Vec<String> = (0..5).map(|number| format!("n{number}")).collect();
        assert_eq!(names(&list, 5), "n0, n1, n2, n3, n4");
        assert_eq!(names(&list, 4), "n0, n1, n2, n3, n4", "leaving one out saves nothing");
        assert_eq!(names(&list, 3), "n0, n1, n2, … and 2 more");
    }

    #[test]
    fn nouns_have_their_plural() {
        assert_eq!(plural("Pod"), "pods");
        assert_eq!(plural("StorageClass"), "StorageClasses");
        assert_eq!(plural("CSIStorageCapacity"), "CSIStorageCapacities");
    }
}
