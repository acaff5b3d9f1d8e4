//! Objects of one kind as the subject of a sentence.

use std::fmt;

use super::text::{capital, either, named};

/// `Pod a`, `Pods a and b`, with the verbs and pronouns that agree.
pub(crate) struct Who {
    words: String,
    number: usize,
}

impl Who {
    pub(crate) fn new<T: AsRef<str>>(noun: &str, names: &[T]) -> Self {
        Self { words: capital(&named(noun, names)), number: names.len() }
    }

    /// With a verb, which is given in the plural: `Pod a waits`, `Pods a and b wait`.
    pub(crate) fn does(&self, verb: &str) -> String {
        format!("{self} {}", self.verb(verb))
    }

    /// The verb alone.
    pub(crate) fn verb(&self, plural: &str) -> String {
        match (self.number, plural) {
            (1, "are") => "is".to_owned(),
            (1, "have") => "has".to_owned(),
            (1, _) => format!("{plural}s"),
            _ => plural.to_owned(),
        }
    }

    /// `it` or `they`, as a subject.
    pub(crate) fn they(&self) -> &'static str {
        either(self.number, "it", "they")
    }

    /// `it` or `them`, as an object.
    pub(crate) fn them(&self) -> &'static str {
        either(self.number, "it", "them")
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_pronouns_agree_with_the_number() {
        let (one, two) = (Who::new("pod", &["a"]), Who::new("pod", &["a", "b"]));
        assert_eq!(one.does("wait"), "Pod a waits");
        assert_eq!(two.does("wait"), "Pods a and b wait");
        assert_eq!([one.verb("are"), one.verb("have")], ["is", "has"]);
        assert_eq!([two.verb("are"), two.verb("have")], ["are", "have"]);
        assert_eq!((one.they(), one.them(), two.they(), two.them()), ("it", "it", "they", "them"));
    }
}
