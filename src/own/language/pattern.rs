//! Regular expressions, bounded when the rule is loaded.

use regex::RegexBuilder;

use super::node::Pattern;

/// Sizes that a compiled pattern may have, in bytes, and the steps that a byte of text then takes at worst: the engine
/// visits every state of a pattern at most once for each byte, and a state takes some 16 bytes.
const SIZES: [(usize, u64); 4] = [(4 << 10, 8), (16 << 10, 32), (64 << 10, 128), (256 << 10, 512)];
/// Brackets that may stand in each other.
const NESTED: u32 = 50;

/// Compiles a pattern.
///
/// # Errors
/// Where it is none, or too large.
pub(crate) fn compile(text: &str) -> Result<Pattern, String> {
    let mut failed = String::new();
    for (size, cost) in SIZES {
        match RegexBuilder::new(text).size_limit(size).dfa_size_limit(size).nest_limit(NESTED).build() {
            Ok(regex) => return Ok(Pattern { regex, cost }),
            Err(regex::Error::CompiledTooBig(_)) => failed = "the pattern is too large".to_owned(),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return Err(format!("not a pattern: {reason}"));
            }
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn patterns_that_would_explode_are_refused_or_cost_what_they_take() {
        assert!(compile("^a+$").is_ok_and(|pattern| pattern.cost == 8));
        for text in ["((a{100}){100}){100}", r"\w{10000}", "(", "[", &"(".repeat(200)] {
            assert!(compile(text).is_err(), "{text}");
        }
        assert!(compile("(x+x+)+y").is_ok_and(|pattern| pattern.cost > 0));
    }
}
