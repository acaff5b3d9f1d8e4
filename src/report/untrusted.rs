//! Text that somebody else wrote, made safe for a terminal.

use std::fmt::{self, Write};

/// Shows text without its control characters: a name, an event or an annotation can't move the cursor, change colours
/// or turn the reading direction. Line breaks and tabs become spaces.
#[derive(Clone, Copy, Debug)]
pub struct Untrusted<'a>(pub &'a str);

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => f.write_char(' ')?,
                _ if hidden(character) => {}
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// Whether a character acts on the terminal or on the reader's eye instead of being seen: C0, C1, delete,
/// bidirectional controls, zero-width characters, tags and the byte order mark.
fn hidden(character: char) -> bool {
    matches!(
        character,
        '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::Untrusted;

    #[test]
    fn control_and_direction_characters_are_dropped() {
        let cases = [
            ("plain – text ✓", "plain – text ✓"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred[0m"),
            ("title\u{1b}]0;owned\u{7}", "title]0;owned"),
            ("c1\u{9b}31m", "c131m"),
            ("a\u{202e}cba\u{2066}x\u{200b}", "acbax"),
            ("two\nlines\tand\rmore", "two lines and more"),
            ("del\u{7f}eted", "deleted"),
        ];
        for (text, shown) in cases {
            assert_eq!(Untrusted(text).to_string(), shown);
        }
    }
}
