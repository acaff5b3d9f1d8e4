//! Words for counts and lists of names.

/// How many names a list spells out.
const SPELLED_OUT: usize = 5;

/// `a`, `a and b`, `a, b and c`; a long list ends in `and 7 more`.
pub(crate) fn names<T: AsRef<str>>(names: &[T]) -> String {
    let shown = if names.len() > SPELLED_OUT + 1 { SPELLED_OUT } else { names.len() };
    let list: Vec<&str> = names[..shown].iter().map(AsRef::as_ref).collect();
    match (list.as_slice(), names.len() - shown) {
        ([], _) => String::new(),
        ([one], 0) => (*one).to_owned(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (list, more) => format!("{} and {more} more", list.join(", ")),
    }
}

/// `1 pod`, `3 pods`.
pub fn count(number: usize, noun: &str) -> String {
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "class") => format!("{number} classes"),
        _ => format!("{number} {noun}s"),
    }
}

/// `pod a`, `pods a and b`.
pub(crate) fn named<T: AsRef<str>>(noun: &str, list: &[T]) -> String {
    let plural = if list.len() == 1 { "" } else { "s" };
    format!("{noun}{plural} {}", names(list))
}

/// The text with a capital first letter.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The singular or the plural of a verb or a noun.
pub(crate) fn either<'a>(number: usize, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// A span of time as people say it: `40 seconds`, `3 minutes`, `2 hours`, `5 days`.
pub(crate) fn duration(seconds: i64) -> String {
    let (size, noun) = match seconds {
        ..120 => (1, "second"),
        120..7_200 => (60, "minute"),
        7_200..172_800 => (3_600, "hour"),
        _ => (86_400, "day"),
    };
    count(usize::try_from(seconds / size).unwrap_or(0), noun)
}

/// The name that was probably meant: one that begins with the other, or that a slip or two of the keyboard make of it.
pub(crate) fn near<'n>(name: &str, others: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let distance = |other: &str| match strsim::osa_distance(name, other) {
        slips @ 1..=2 if name.len() > 3 * slips => Some(slips),
        _ if name.len() > 3 && other.len() > 3 && (other.starts_with(name) || name.starts_with(other)) => Some(3),
        _ => None,
    };
    let found = others.into_iter().filter(|other| *other != name);
    found.filter_map(|other| Some((distance(other)?, other))).min().map(|(_, other)| other)
}

/// Sorts names as people count: `pod-2` before `pod-10`.
pub(crate) fn natural_order(a: &str, b: &str) -> std::cmp::Ordering {
    fn split(name: &str) -> (&str, Option<u64>) {
        let digits = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        (&name[..digits], name[digits..].parse().ok())
    }
    split(a).cmp(&split(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_prose_and_long_ones_are_cut() {
        assert_eq!(names(&["a"]), "a");
        assert_eq!(names(&["a", "b", "c"]), "a, b and c");
        let many: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        assert_eq!(names(&many), "0, 1, 2, 3, 4 and 4 more");
        assert_eq!(named("pod", &["a"]), "pod a");
        assert_eq!(named("pod", &["a", "b"]), "pods a and b");
    }

    #[test]
    fn names_that_look_like_slips_are_near() {
        assert_eq!(near("api-cfg", ["web-cfg-v2", "api-cfg-v2"]), Some("api-cfg-v2"));
        assert_eq!(near("settings", ["setings", "settings-old"]), Some("setings"));
        assert_eq!(near("abc", ["xyz", "abd", "abc"]), None, "short names differ by a letter all the time");
        assert_eq!(near("app", ["application"]), None);
    }

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        let told = [-5, 1, 119, 120, 7_199, 7_200, 172_800, i64::MAX].map(duration);
        assert_eq!(told[..5], ["0 seconds", "1 second", "119 seconds", "2 minutes", "119 minutes"]);
        assert_eq!(told[5..7], ["2 hours", "2 days"]);
    }

    #[test]
    fn numbers_at_the_end_sort_by_value() {
        let mut list = ["db-10", "db-2", "api-3", "db"];
        list.sort_by(|a, b| natural_order(a, b));
        assert_eq!(list, ["api-3", "db", "db-2", "db-10"]);
    }
}
