//! What stops a pipeline, and how it is told.

use clap::{Args, ValueEnum};

use super::error::CliError;
use super::exit::Exit;
use super::terminal::{self, ColorArgs};
use crate::preflight::issues::{Baseline, Issue, Level};
use crate::preflight::{Preflight, Verdict};
use crate::report::document::preflight::Preflight as Report;
use crate::report::{formats, human, json, yaml};
use crate::source;

/// How the outcome is told and what of it counts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct GateArgs {
    /// The format of the report
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "human")]
    output: Format,
    /// Show all facts of each cause, every document, and the way back of each step
    #[arg(short, long)]
    verbose: bool,
    /// What ends the run with another code than 0
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "unknown")]
    fail_on: FailOn,
    /// End with 0 where something is blocked or can't be known
    #[arg(long)]
    exit_zero: bool,
    /// A report of `preflight -o json`: what was wrong then does not count
    #[arg(long, value_name = "FILE")]
    baseline: Option<String>,
    #[command(flatten)]
    color: ColorArgs,
}

/// The format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// The document as JSON.
    Json,
    /// The same document as YAML.
    Yaml,
    /// SARIF 2.1.0; ends with code 0 after a report.
    Sarif,
    /// JUnit XML, a test case a document.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// Markdown, for a comment on a pull request.
    Markdown,
}

/// How bad an answer must be to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// What is blocked
    Error,
    /// Warnings as well, and what can't be known
    Warning,
    /// What is blocked, and what can't be known
    Unknown,
}

impl GateArgs {
    /// Whether the report is for programs, which are given everything.
    pub(crate) fn for_programs(&self) -> bool {
        self.output != Format::Human
    }

    /// What is known from before.
    ///
    /// # Errors
    /// Where the baseline can't be read.
    pub(crate) fn baseline(&self) -> Result<Baseline, CliError> {
        let Some(path) = &self.baseline else { return Ok(Baseline::default()) };
        let text = source::read_text(path)?;
        Baseline::parse(&text).map_err(|error| CliError::usage(format!("{path}: {error}")))
    }

    /// Writes the report.
    ///
    /// # Errors
    /// Where stdout can't be written.
    pub(crate) fn write(&self, report: &Report<'_>) -> Result<(), CliError> {
        match self.output {
            Format::Human => terminal::write_screen(&self.color, |screen| {
                screen.show_all(self.verbose);
                human::preflight::write(report, screen);
            }),
            Format::Json => terminal::buffered(|out| json::write(report, out)),
            Format::Yaml => terminal::buffered(|out| yaml::write(report, out)),
            Format::Sarif => terminal::buffered(|out| formats::sarif::write(report, out)),
            Format::Junit => terminal::buffered(|out| formats::junit::write(report, out)),
            Format::Github => terminal::buffered(|out| formats::github::write(report, out)),
            Format::Gitlab => terminal::buffered(|out| formats::gitlab::write(report, out)),
            Format::Markdown => terminal::buffered(|out| formats::markdown::write(report, out)),
        }
    }

    /// How the run ends: by what counts of what is wrong. A SARIF report is read by what comes after, which a failed
    /// step would keep from running.
    pub(crate) fn exit(&self, outcome: &Preflight, issues: &[Issue], unread: bool) -> Exit {
        if self.output == Format::Sarif {
            return Exit::Clear;
        }
        if unread {
            return Exit::Usage;
        }
        if self.exit_zero {
            return Exit::Clear;
        }
        let counts = |level| issues.iter().any(|issue| issue.level == level && issue.counts());
        // Pods that a drain leaves without a node stand in no manifest, and nothing allows them.
        let stranded = outcome.moves.iter().any(|one| one.blocked.is_some());
        let untold = issues.iter().all(|issue| issue.level != Level::Error);
        let silent = outcome.verdict == Verdict::Blocked && (stranded || untold);
        if counts(Level::Error) || silent || self.fail_on == FailOn::Warning && counts(Level::Warning) {
            return Exit::Blocked;
        }
        let told = issues.iter().any(|issue| issue.level == Level::Unknown);
        let unknown = counts(Level::Unknown) || outcome.verdict == Verdict::Unknown && !told;
        if unknown && self.fail_on != FailOn::Error { Exit::Incomplete } else { Exit::Clear }
    }
}
