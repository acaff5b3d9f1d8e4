//! Lines for a terminal of a given width. All text goes through [`Untrusted`] here, so that no report can forget it.

use std::fmt::Write;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use owo_colors::Style;
use unicode_width::UnicodeWidthStr;

use crate::report::Untrusted;

/// The narrowest width that text is laid out for.
const NARROWEST: usize = 40;
/// The widest; longer lines are hard to read.
const WIDEST: usize = 120;

/// The spaces between the columns of a table.
const GUTTER: u16 = 2;

/// Gathers the lines of a report. Styles are always written; the terminal's writer strips them where they aren't wanted.
#[derive(Debug)]
pub struct Screen {
    text: String,
    width: usize,
    whole: bool,
}

/// What a piece of text is, which decides how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    /// A heading.
    Heading,
    /// What is wrong.
    Bad,
    /// What is suspicious or costs something.
    Caution,
    /// What is well.
    Good,
    /// A command to paste.
    Command,
    /// What matters least.
    Faint,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Heading => Style::new().bold(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Caution => Style::new().yellow(),
            Tone::Good => Style::new().green(),
            Tone::Command => Style::new().cyan(),
            Tone::Faint => Style::new().dimmed(),
        }
    }
}

impl Screen {
    /// An empty screen; the width is kept within what can be read.
    pub fn new(width: usize) -> Self {
        Self { text: String::new(), width: width.clamp(NARROWEST, WIDEST), whole: false }
    }

    /// Says whether all facts are wanted, or only the first of each cause.
    pub fn show_all(&mut self, all: bool) {
        self.whole = all;
    }

    /// Whether all facts are wanted.
    pub fn wants_all(&self) -> bool {
        self.whole
    }

    /// What was gathered.
    pub fn finish(self) -> String {
        self.text
    }

    /// An empty line, where there isn't one already.
    pub fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A line as it is, however long.
    pub fn line(&mut self, tone: Tone, text: &str) {
        self.push(&tone.style(), "", &Untrusted(text).to_string());
    }

    /// A paragraph, wrapped between words.
    pub fn paragraph(&mut self, indent: usize, text: &str) {
        self.toned(Tone::Plain, indent, "", text);
    }

    /// A wrapped paragraph in a tone.
    pub fn styled(&mut self, tone: Tone, indent: usize, text: &str) {
        self.toned(tone, indent, "", text);
    }

    /// A paragraph behind a mark, such as a number; the following lines stand under the first word.
    pub fn item(&mut self, indent: usize, mark: &str, text: &str) {
        self.toned(Tone::Plain, indent, mark, text);
    }

    /// A paragraph in a tone behind a mark.
    pub fn toned(&mut self, tone: Tone, indent: usize, mark: &str, text: &str) {
        let text = Untrusted(text).to_string();
        let mark = Untrusted(mark).to_string();
        let hang = indent + mark.width() + usize::from(!mark.is_empty());
        let style = tone.style();
        for (position, line) in wrap(&text, self.width.saturating_sub(hang)).iter().enumerate() {
            let lead =
                if position == 0 && !mark.is_empty() { format!("{:indent$}{mark} ", "") } else { " ".repeat(hang) };
            self.push(&style, &lead, line);
        }
    }

    /// A command, ready to paste: never broken, so that it can be searched for and copied whole. One of several lines
    /// stands at the margin, because its last line may have to.
    pub fn command(&mut self, indent: usize, command: &str) {
        let style = Tone::Command.style();
        let lead = " ".repeat(if command.trim_end().contains('\n') { 0 } else { indent });
        for line in command.trim_end().split('\n') {
            self.push(&style, &lead, &Untrusted(line).to_string());
        }
    }

    /// The start of a text on one line, with a mark before it.
    pub fn brief(&mut self, tone: Tone, indent: usize, mark: &str, text: &str) {
        let text = Untrusted(text).to_string();
        let room = self.width.saturating_sub(indent + mark.width() + 1);
        let mut lines = wrap(&text, room.saturating_sub(2)).into_iter();
        let first = lines.next().unwrap_or_default();
        let more = if lines.next().is_some() { " …" } else { "" };
        self.push(&tone.style(), &format!("{:indent$}{mark} ", ""), &format!("{first}{more}"));
    }

    /// A table without lines. Cells are wrapped between words where the width asks for it; where words alone are wider
    /// than the screen, each row is a record of its own, so that no name is broken.
    pub fn table(&mut self, indent: usize, header: &[&str], rows: &[Vec<String>]) {
        let widths = longest_words(header, rows);
        let needed: usize = widths.iter().map(|width| width + usize::from(GUTTER)).sum();
        if needed > self.width.saturating_sub(indent) + usize::from(GUTTER) {
            return self.records(indent, header, rows);
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(self.width.saturating_sub(indent)).unwrap_or(u16::MAX));
        table.set_header(header.iter().map(|cell| (*cell).to_owned()));
        for row in rows {
            table.add_row(row.iter().map(|cell| Untrusted(cell).to_string()));
        }
        let last = widths.len().saturating_sub(1);
        for (position, (column, width)) in table.column_iter_mut().zip(widths).enumerate() {
            let gutter = if position == last { 0 } else { GUTTER };
            column.set_padding((0, gutter));
            let width = u16::try_from(width).unwrap_or(u16::MAX).saturating_add(gutter);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        let lead = " ".repeat(indent);
        for (position, line) in table.lines().enumerate() {
            let style = if position == 0 { Tone::Faint.style() } else { Style::new() };
            self.push(&style, &lead, line.trim_end());
        }
    }

    /// The rows of a table one below the other: the first cell, then the others with their headings.
    fn records(&mut self, indent: usize, header: &[&str], rows: &[Vec<String>]) {
        for row in rows {
            let mut cells = header.iter().zip(row);
            if let Some((head, first)) = cells.next() {
                self.toned(Tone::Plain, indent, &format!("{}:", head.to_lowercase()), first);
            }
            for (head, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
                self.toned(Tone::Plain, indent + 2, &format!("{}:", head.to_lowercase()), cell);
            }
        }
    }

    /// Writes one line; `text` is clean.
    fn push(&mut self, style: &Style, lead: &str, text: &str) {
        let done = if style.is_plain() || text.is_empty() {
            writeln!(self.text, "{}", format!("{lead}{text}").trim_end())
        } else {
            writeln!(self.text, "{lead}{}", style.style(text))
        };
        debug_assert!(done.is_ok(), "a string takes every line");
    }
}

/// The width of each column's longest word: narrower, names would be broken.
fn longest_words(header: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let longest = |text: &str| text.split_whitespace().map(UnicodeWidthStr::width).max().unwrap_or_default();
    let in_column = |column: usize| rows.iter().filter_map(move |row| row.get(column)).map(|cell| longest(cell)).max();
    header.iter().enumerate().map(|(column, head)| longest(head).max(in_column(column).unwrap_or_default())).collect()
}

/// Breaks text between words. A word that is longer than a line keeps a line of its own, so that names and paths can
/// be copied.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let size = word.width();
        if used > 0 && used + 1 + size > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += size;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width: usize, fill: impl FnOnce(&mut Screen)) -> String {
        let mut screen = Screen::new(width);
        fill(&mut screen);
        anstream::adapter::strip_str(&screen.finish()).to_string()
    }

    #[test]
    fn paragraphs_wrap_between_words_under_their_mark() {
        let text = plain(40, |screen| screen.item(2, "1.", "turn the webhook off, then make the pods anew"));
        assert_eq!(text, "  1. turn the webhook off, then make the\n     pods anew\n");
    }

    #[test]
    fn a_long_name_is_never_broken() {
        let name = "a".repeat(60);
        assert_eq!(plain(40, |screen| screen.paragraph(2, &format!("pod {name}"))), format!("  pod\n  {name}\n"));
    }

    #[test]
    fn commands_are_never_broken() {
        let command = r#"kubectl patch pod a --patch '{"a b": "c d e f g h i"}' --type merge"#;
        assert_eq!(plain(40, |screen| screen.command(4, command)), format!("    {command}\n"));
    }

    #[test]
    fn a_brief_line_says_that_there_is_more() {
        let brief = |text: &str| plain(40, |screen| screen.brief(Tone::Plain, 2, "1.", text));
        assert_eq!(brief("Node n1 is lost"), "  1. Node n1 is lost\n");
        assert_eq!(brief("Node n1 is lost, and pod web-0 waits for it"), "  1. Node n1 is lost, and pod web-0 …\n");
    }

    #[test]
    fn commands_of_several_lines_stand_at_the_margin() {
        let command = "kubectl apply -f - <<'EOF'\nkind: Pod\nEOF";
        assert_eq!(plain(40, |screen| screen.command(4, command)), format!("{command}\n"));
    }

    #[test]
    fn control_characters_reach_no_line() {
        let text = plain(80, |screen| {
            screen.paragraph(0, "a\u{1b}[2Jb");
            screen.command(0, "kubectl get pod a\u{1b}]0;x\u{7}");
            screen.table(0, &["NAME"], &[vec!["c\u{9b}31m".to_owned()]]);
        });
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{text:?}");
    }

    #[test]
    fn tables_break_no_name_while_there_is_room() {
        let row = ["topolvm-provisioner", "topolvm.io", "some words that can be broken", "more words"];
        let rows = vec![row.map(str::to_owned).to_vec()];
        let text = plain(60, |screen| screen.table(0, &["CLASS", "DRIVER", "A", "B"], &rows));
        assert!(text.contains("topolvm-provisioner  topolvm.io  some"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }

    #[test]
    fn where_names_are_wider_than_the_screen_rows_are_records() {
        let rows =
            vec![vec!["local-path".to_owned(), "cluster.local/local-path-provisioner".to_owned(), "no".to_owned()]];
        let text = plain(40, |screen| screen.table(0, &["CLASS", "PROVISIONER", "X"], &rows));
        assert_eq!(text, "class: local-path\n  provisioner: cluster.local/local-path-provisioner\n  x: no\n");
    }

    #[test]
    fn tables_keep_to_the_width() {
        let rows = vec![vec!["3".to_owned(), "node(s) had untolerated taint(s) and more of it".to_owned()]];
        let text = plain(40, |screen| screen.table(2, &["NODES", "REASON"], &rows));
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.starts_with("  NODES"), "{text}");
    }
}
