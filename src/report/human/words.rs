//! Numbers and lists in words.

/// How many names of a list are written out.
pub const NAMES: usize = 12;

/// A count with its noun: `1 pod`, `3 pods`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

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

/// Bytes in the largest binary unit that leaves at least one, with one decimal where it isn't whole: `45Gi`, `1.5Ti`.
/// Rounded down, so that room is never told larger than it is.
pub fn size(bytes: i64) -> String {
    let units = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let Some((name, bits)) = units.into_iter().find(|(_, bits)| bytes >= 1 << bits) else { return bytes.to_string() };
    let tenths = (i128::from(bytes) * 10) >> bits;
    match tenths % 10 {
        0 => format!("{}{name}", tenths / 10),
        rest => format!("{}.{rest}{name}", tenths / 10),
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
        assert_eq!(count(1, "node"), "1 node");
        assert_eq!(count(0, "node"), "0 nodes");
    }

    #[test]
    fn sizes_are_short_and_never_too_large() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (45 << 30, "45Gi"),
            (3 << 39, "1.5Ti"),
            ((1 << 40) - 1, "1023.9Gi"),
            (i64::MAX, "7.9Ei"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
