//! Words for counts and lists of names.

/// How many names a list spells out.
const SPELLED_OUT: usize = 5;

/// `a`, `a and b`, `a, b and c`; a long list ends in `and 7 more`.
pub fn names<T: AsRef<str>>(names: &[T]) -> String {
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
pub fn named<T: AsRef<str>>(noun: &str, list: &[T]) -> String {
    let plural = if list.len() == 1 { "" } else { "s" };
    format!("{noun}{plural} {}", names(list))
}

/// The text with a capital first letter.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The singular or the plural of a verb or a noun.
pub fn either<'a>(number: usize, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// Sorts names as people count: `pod-2` before `pod-10`.
pub fn natural_order(a: &str, b: &str) -> std::cmp::Ordering {
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
    fn numbers_at_the_end_sort_by_value() {
        let mut list = ["db-10", "db-2", "api-3", "db"];
        list.sort_by(|a, b| natural_order(a, b));
        assert_eq!(list, ["api-3", "db", "db-2", "db-10"]);
    }
}
