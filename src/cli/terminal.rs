//! The standard streams: width, colour, reports to stdout, words about the run to stderr.

use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::error::CliError;
use crate::report::human::Screen;
use crate::report::{Untrusted, json, yaml};

/// The width where neither the terminal nor the environment says it.
const WIDTH: usize = 80;

/// The format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Human,
    /// The command's document as JSON.
    Json,
    /// The same document as YAML.
    Yaml,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// How the report is written.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The format of the report
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "human")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) color: ColorArgs,
}

impl OutputArgs {
    /// Whether the report is for programs, which are given everything.
    pub(crate) fn for_programs(&self) -> bool {
        match self.output {
            Format::Human => false,
            Format::Json | Format::Yaml => true,
        }
    }
}

/// Whether the report is coloured.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ColorArgs {
    /// When to use colour; auto is on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

impl Color {
    fn choice(self, stream: &impl anstream::stream::RawStream) -> ColorChoice {
        match self {
            Color::Auto => AutoStream::choice(stream),
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
    }
}

/// The columns of the terminal: `COLUMNS`, else the terminal's own, else 80.
#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
pub(crate) fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    asked.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))).unwrap_or(WIDTH)
}

/// Writes a document in a format; `human` fills the screen where that format is for people.
///
/// # Errors
/// Where stdout can't be written.
pub(crate) fn write_document(
    args: &OutputArgs,
    document: &impl Serialize,
    human: impl FnOnce(&mut Screen),
) -> Result<(), CliError> {
    match args.output {
        Format::Human => write_screen(&args.color, human),
        Format::Json => buffered(|out| json::write(document, out)),
        Format::Yaml => buffered(|out| yaml::write(document, out)),
    }
}

/// Writes a screen to stdout, without its styles where they aren't wanted.
///
/// # Errors
/// Where stdout can't be written.
pub(crate) fn write_screen(args: &ColorArgs, human: impl FnOnce(&mut Screen)) -> Result<(), CliError> {
    let mut screen = Screen::new(width());
    human(&mut screen);
    let stdout = io::stdout().lock();
    let choice = args.color.choice(&stdout);
    let mut out = AutoStream::new(stdout, choice);
    out.write_all(screen.finish().as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Writes bytes to stdout through a buffer.
///
/// # Errors
/// Where stdout can't be written.
pub(crate) fn buffered(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out)?;
    out.flush()?;
    Ok(())
}

/// Tells of something that is not as it should be and doesn't end the run.
pub(crate) fn warn(message: &str) {
    say("warning", message);
}

/// Tells one of several reasons why the run ends.
#[cfg(feature = "own-rules")]
pub(crate) fn tell_more(message: &str) {
    say("error", message);
}

/// Tells why the run ends.
pub(crate) fn tell(error: &anyhow::Error) {
    say("error", &format!("{error:#}"));
    if let Some(hint) = error.downcast_ref().and_then(CliError::hint) {
        say("hint", hint);
    }
}

/// A stderr that can't be written leaves nobody to tell.
fn say(what: &str, message: &str) {
    let _ = writeln!(io::stderr(), "{what}: {}", Untrusted(message));
}

/// Whether somebody watches stderr.
pub(crate) fn watched() -> bool {
    io::stderr().is_terminal()
}
