//! Word by word: what is joined from names stays joined from their pseudonyms.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use super::words::KEPT;

/// The letters of pseudonyms.
const LETTERS: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
/// Letters of a pseudonym.
const LENGTH: usize = 6;

/// Gives every word one pseudonym, and no two words the same. `vault-0`, `data-vault-0` and `vault` share the
/// pseudonym of `vault`, so that what a StatefulSet, a generated name or an ephemeral volume joins still fits.
/// Pseudonyms sort as their words do, because the order of names decides between equals.
#[derive(Debug)]
pub(super) struct Pseudonyms {
    key: RandomState,
    /// Words that were met and have no pseudonym yet.
    learned: BTreeSet<String>,
    words: HashMap<String, String>,
    taken: BTreeSet<String>,
}

impl Default for Pseudonyms {
    fn default() -> Self {
        let words: HashMap<String, String> = KEPT.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect();
        let taken = words.keys().cloned().collect();
        Self { key: RandomState::new(), learned: BTreeSet::new(), taken, words }
    }
}

impl Pseudonyms {
    /// Learns the words of a name.
    pub(super) fn learn(&mut self, name: &str) {
        let numbers_stay = !has_address(name);
        for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
            if !stays(word, numbers_stay) && !self.words.contains_key(word) && !self.learned.contains(word) {
                self.learned.insert(word.to_owned());
            }
        }
    }

    /// Gives every learned word its pseudonym.
    pub(super) fn assign(&mut self) {
        let words = std::mem::take(&mut self.learned);
        let fresh: BTreeSet<String> = words.iter().map(|word| self.fresh(word)).collect();
        self.words.extend(words.into_iter().zip(fresh));
    }

    /// The pseudonym of a name, a path or any text that is all names. Single letters and numbers stay, except for
    /// the numbers of an address.
    pub(super) fn name(&mut self, name: &str) -> String {
        let numbers_stay = !has_address(name);
        let mut result = String::with_capacity(name.len() * 2);
        for part in name.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if stays(word, numbers_stay) {
                result.push_str(word);
            } else {
                result.push_str(self.word(word));
            }
            result.extend(part[word.len()..].chars().map(|c| if c.is_ascii() { c } else { '_' }));
        }
        result
    }

    fn word(&mut self, word: &str) -> &str {
        if !self.words.contains_key(word) {
            let fresh = self.fresh(word);
            self.words.insert(word.to_owned(), fresh);
        }
        self.words.get(word).map_or("", String::as_str)
    }

    /// A pseudonym that no word has.
    fn fresh(&mut self, word: &str) -> String {
        let candidates = (0u64..).map(|attempt| letters(self.key.hash_one((word, attempt))));
        let fresh = candidates.into_iter().find(|candidate| !self.taken.contains(candidate)).unwrap_or_default();
        self.taken.insert(fresh.clone());
        fresh
    }
}

fn stays(word: &str, numbers_stay: bool) -> bool {
    if is_number(word) { numbers_stay } else { word.len() < 2 }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether four numbers stand side by side, as in `ip-10-0-12-34`. Fewer are ordinals, as in `shard-0-0`.
fn has_address(name: &str) -> bool {
    let mut run = 0;
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        run = if is_number(word) { run + 1 } else { 0 };
        run == 4
    })
}

/// A pseudonym starts with a letter and holds a digit, so that no word of a message can be one.
fn letters(mut hash: u64) -> String {
    let mut text = String::with_capacity(LENGTH);
    for position in 0..LENGTH {
        let (from, count) = match position {
            0 => (0, 24),
            1 => (25, 7),
            _ => (0, 32),
        };
        text.push(char::from(LETTERS[from + (hash % count) as usize]));
        hash /= count;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_names_stay_joined() {
        let mut names = Pseudonyms::default();
        let (data, vault) = (names.name("scratch"), names.name("vault"));
        assert_eq!(names.name("scratch-vault-0"), format!("{data}-{vault}-0"));
        assert_eq!(names.name("vault-"), format!("{vault}-"));
        assert_ne!(data, vault);
        assert_eq!(vault.len(), LENGTH);
    }

    #[test]
    fn words_of_kubernetes_and_single_numbers_stay_and_addresses_do_not() {
        let mut names = Pseudonyms::default();
        for name in ["kube-system", "default", "", "100", "x-0-0-0", "system-node-critical"] {
            assert_eq!(names.name(name), name);
        }
        let address = names.name("ip-10-0-12-34");
        assert_eq!(address.split('-').count(), 5, "{address}");
        assert!(address.split('-').all(|word| !is_number(word)), "{address}");
    }

    #[test]
    fn pseudonyms_sort_as_their_words_do() {
        let mut names = Pseudonyms::default();
        let sorted = ["alpha-0", "alpha-1", "alpha2-0", "beta", "beta-alpha", "gamma"];
        sorted.iter().rev().for_each(|name| names.learn(name));
        names.assign();
        let pseudonyms: Vec<String> = sorted.iter().map(|name| names.name(name)).collect();
        assert!(pseudonyms.is_sorted(), "{pseudonyms:?}");
    }

    #[test]
    fn no_two_words_share_a_pseudonym() {
        let mut names = Pseudonyms::default();
        let all: BTreeSet<String> = (0..50_000).map(|n| names.name(&format!("w{n}"))).collect();
        assert_eq!(all.len(), 50_000);
    }
}
