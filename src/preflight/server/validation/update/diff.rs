//! The difference that the server adds to a refusal (`apimachinery/pkg/util/diff`; `pmezard/go-difflib`, which is Python's
//! difflib): a unified one of two texts, with three lines around what changed.

use std::collections::BTreeMap;

/// Lines around a change.
const AROUND: usize = 3;
/// Lines from which on those that stand often are no guide.
const MANY: usize = 200;

/// A part of both texts: whether it is the same, and where it stands in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    same: bool,
    old: (usize, usize),
    new: (usize, usize),
}

/// The difference of two texts.
pub(super) fn unified(old: &str, new: &str) -> String {
    let (old, new) = (lines(old), lines(new));
    let mut text = String::new();
    for group in groups(parts(&old, &new)) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (left, right) = (range(first.old.0, last.old.1), range(first.new.0, last.new.1));
        text.push_str(&format!("@@ -{left} +{right} @@\n"));
        for part in &group {
            let mut put = |mark: char, lines: &[String], (start, end): (usize, usize)| {
                for line in lines.get(start..end).unwrap_or_default() {
                    text.push(mark);
                    text.push_str(line);
                }
            };
            if part.same {
                put(' ', &old, part.old);
            } else {
                put('-', &old, part.old);
                put('+', &new, part.new);
            }
        }
    }
    text
}

/// Lines with their ends; the last one gets one.
fn lines(text: &str) -> Vec<String> {
    text.split('\n').map(|line| format!("{line}\n")).collect()
}

fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => (start + 1).to_string(),
        length => format!("{},{length}", start + 1),
    }
}

/// `GetOpCodes`
fn parts(old: &[String], new: &[String]) -> Vec<Part> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, line) in new.iter().enumerate() {
        places.entry(line).or_default().push(place);
    }
    if new.len() >= MANY {
        places.retain(|_, places| places.len() <= new.len() / 100 + 1);
    }
    let mut blocks = Vec::new();
    let mut open = vec![((0, old.len()), (0, new.len()))];
    while let Some((left, right)) = open.pop() {
        let (i, j, size) = longest(old, new, &places, left, right);
        if size > 0 {
            blocks.push((i, j, size));
            open.push(((left.0, i), (right.0, j)));
            open.push(((i + size, left.1), (j + size, right.1)));
        }
    }
    blocks.sort_unstable();
    blocks.push((old.len(), new.len(), 0));
    let (mut parts, mut i, mut j) = (Vec::<Part>::new(), 0, 0);
    for (at_old, at_new, size) in blocks {
        if i < at_old || j < at_new {
            parts.push(Part { same: false, old: (i, at_old), new: (j, at_new) });
        }
        (i, j) = (at_old + size, at_new + size);
        match parts.last_mut().filter(|part| part.same && part.old.1 == at_old && part.new.1 == at_new) {
            Some(part) => (part.old.1, part.new.1) = (i, j),
            None if size > 0 => parts.push(Part { same: true, old: (at_old, i), new: (at_new, j) }),
            None => {}
        }
    }
    parts
}

/// `findLongestMatch`
fn longest(
    old: &[String],
    new: &[String],
    places: &BTreeMap<&str, Vec<usize>>,
    (alo, ahi): (usize, usize),
    (blo, bhi): (usize, usize),
) -> (usize, usize, usize) {
    let (mut i, mut j, mut size) = (alo, blo, 0);
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, line) in old.iter().enumerate().take(ahi).skip(alo) {
        let mut next = BTreeMap::new();
        for place in places.get(line.as_str()).into_iter().flatten().copied().filter(|place| (blo..bhi).contains(place))
        {
            let length = place.checked_sub(1).and_then(|before| lengths.get(&before)).copied().unwrap_or(0) + 1;
            next.insert(place, length);
            if length > size {
                (i, j, size) = (at + 1 - length, place + 1 - length, length);
            }
        }
        lengths = next;
    }
    while i > alo && j > blo && old.get(i - 1) == new.get(j - 1) {
        (i, j, size) = (i - 1, j - 1, size + 1);
    }
    while i + size < ahi && j + size < bhi && old.get(i + size) == new.get(j + size) {
        size += 1;
    }
    (i, j, size)
}

/// `GetGroupedOpCodes`
fn groups(mut parts: Vec<Part>) -> Vec<Vec<Part>> {
    if let Some(first) = parts.first_mut().filter(|part| part.same) {
        first.old.0 = first.old.0.max(first.old.1.saturating_sub(AROUND));
        first.new.0 = first.new.0.max(first.new.1.saturating_sub(AROUND));
    }
    if let Some(last) = parts.last_mut().filter(|part| part.same) {
        last.old.1 = last.old.1.min(last.old.0 + AROUND);
        last.new.1 = last.new.1.min(last.new.0 + AROUND);
    }
    let (mut groups, mut group) = (Vec::new(), Vec::new());
    for mut part in parts {
        if part.same && part.old.1 - part.old.0 > 2 * AROUND {
            let end = (part.old.1.min(part.old.0 + AROUND), part.new.1.min(part.new.0 + AROUND));
            group.push(Part { same: true, old: (part.old.0, end.0), new: (part.new.0, end.1) });
            groups.push(std::mem::take(&mut group));
            part.old.0 = part.old.0.max(part.old.1.saturating_sub(AROUND));
            part.new.0 = part.new.0.max(part.new.1.saturating_sub(AROUND));
        }
        group.push(part);
    }
    groups.push(group);
    groups.retain(|group| group.iter().any(|part| !part.same));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_three_lines_around_what_changed() {
        let old: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        let mut new = old.clone();
        new[9] = "ten".to_owned();
        assert_eq!(
            unified(&old.join("\n"), &new.join("\n")),
            "@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n"
        );
        new[0] = "one".to_owned();
        new.push("21".to_owned());
        assert_eq!(
            unified(&old.join("\n"), &new.join("\n")),
            "@@ -1,4 +1,4 @@\n-1\n+one\n 2\n 3\n 4\n@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n@@ -18,3 +18,4 @@\n 18\n 19\n 20\n+21\n"
        );
        assert_eq!(unified("a\nb", "a\nb"), "");
        assert_eq!(unified("a", "b"), "@@ -1 +1 @@\n-a\n+b\n");
    }

    #[test]
    fn texts_that_have_nothing_in_common_are_told_whole() {
        assert_eq!(unified("a\nb", "c"), "@@ -1,2 +1 @@\n-a\n-b\n+c\n");
        let many: String = "x\n".repeat(500);
        assert!(unified(&many, "y").len() > 900);
    }
}
