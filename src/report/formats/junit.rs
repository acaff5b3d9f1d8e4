//! JUnit XML: a test case a document, and one for each file that can't be read.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{NOT_JUDGED, NOT_RUN, path, plain, repaired};
use crate::report::document::preflight::{
    DocumentEntry, IssueEntry, LevelEntry, Preflight, PreflightStatus, RoleEntry, WorkloadEntry,
};

/// Writes the documents as test cases, in a suite for each file. What can't be known is skipped; what does not count
/// any more stands in the case's output.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(report: &Preflight<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = Report::new("storagewhy preflight");
    let mut files: Vec<&str> = Vec::new();
    let hooks = report.not_run.iter().map(|hook| hook.file);
    let named = report.issues.iter().map(|issue| issue.file).chain(hooks);
    for file in report.documents.iter().map(|document| document.file).chain(named) {
        if files.last() != Some(&file) && !files.contains(&file) {
            files.push(file);
        }
    }
    for file in files {
        junit.add_test_suite(suite(report, file));
    }
    let text = junit.to_string().map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}

fn suite(report: &Preflight<'_>, file: &str) -> TestSuite {
    let mut suite = TestSuite::new(plain(file));
    let of_file = |issue: &&IssueEntry<'_>| issue.file == file;
    for document in report.documents.iter().filter(|document| document.file == file) {
        let name = document.object();
        let issues: Vec<&IssueEntry<'_>> =
            report.issues.iter().filter(of_file).filter(|issue| issue.object == name).collect();
        let mut case = case(report, &name, document, &issues);
        if let Some(short) = short(report, document).filter(|_| issues.is_empty()) {
            case.status = failure("not-placed", &short, &short);
        }
        suite.add_test_case(case);
    }
    for issue in report.issues.iter().filter(of_file).filter(|issue| issue.object.is_empty()) {
        let mut case = TestCase::new(plain(&place(issue)), status(report, &[issue]));
        case.set_classname(issue.rule);
        suite.add_test_case(case);
    }
    for hook in report.not_run.iter().filter(|hook| hook.file == file) {
        let mut skipped = TestCaseStatus::skipped();
        skipped.set_message(NOT_RUN);
        let mut case = TestCase::new(plain(&hook.told()), skipped);
        case.set_classname(plain(&format!("{}.hook", hook.kind)));
        suite.add_test_case(case);
    }
    suite.set_system_out(report.summary());
    suite
}

fn case(report: &Preflight<'_>, name: &str, document: &DocumentEntry<'_>, issues: &[&IssueEntry<'_>]) -> TestCase {
    let mut case = TestCase::new(plain(name), status(report, issues));
    let role = match document.role {
        None => "",
        Some(RoleEntry::Hook) => ".hook",
        Some(RoleEntry::Test) => ".test",
    };
    case.set_classname(plain(&format!("{}{role}", document.kind)));
    let passing = issues.iter().filter(|issue| issue.suppressed.is_some() || issue.level == LevelEntry::Warning);
    let mut told: Vec<String> = passing.map(|issue| told(report, issue)).collect();
    told.extend(document.not_judged.map(|reason| format!("{NOT_JUDGED}: {reason}")));
    if !told.is_empty() {
        case.set_system_out(told.join("\n"));
    }
    case
}

/// What a workload lacks that comes to grief with another document, at which the cause is told.
fn short(report: &Preflight<'_>, document: &DocumentEntry<'_>) -> Option<String> {
    let same = |one: &&WorkloadEntry<'_>| {
        (one.kind, one.namespace, one.name) == (document.kind, document.namespace, document.name)
    };
    let workload = report.workloads.iter().find(same)?;
    let short = report.status == PreflightStatus::Blocked && workload.placed < workload.desired && !workload.on_delete;
    let why = workload.refused.or(workload.blocked).map(|why| format!(": {why}")).unwrap_or_default();
    short.then(|| plain(&format!("{} of {} pods placed{why}", workload.placed, workload.desired)))
}

fn failure(rule: &str, message: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(rule).set_message(plain(message)).set_description(description);
    status
}

/// A failure by the errors that count, else skipped where something can't be known.
fn status(report: &Preflight<'_>, issues: &[&IssueEntry<'_>]) -> TestCaseStatus {
    let of = |level| issues.iter().filter(move |issue| issue.suppressed.is_none() && issue.level == level);
    let first = |level| of(level).next();
    let all = |level| of(level).map(|issue| told(report, issue)).collect::<Vec<_>>().join("\n");
    if let Some(issue) = first(LevelEntry::Error) {
        return failure(issue.rule, issue.message, &all(LevelEntry::Error));
    }
    if let Some(issue) = first(LevelEntry::Unknown) {
        let mut status = TestCaseStatus::skipped();
        status.set_message(plain(issue.message));
        return status;
    }
    TestCaseStatus::success()
}

fn told(report: &Preflight<'_>, issue: &IssueEntry<'_>) -> String {
    let field = if issue.message.contains(issue.path) { String::new() } else { format!(" {}", issue.path) };
    let allowed = issue.suppressed.map(|why| format!(" (allowed by {})", why.by)).unwrap_or_default();
    let line = plain(&format!("{}: {}{field}: {}{allowed}", place(issue), issue.rule, issue.message));
    match repaired(report, issue).as_str() {
        "" => line,
        repair => format!("{line}\n{}", plain(repair)),
    }
}

fn place(issue: &IssueEntry<'_>) -> String {
    let place = [issue.line, issue.column].into_iter().flatten().map(|part| format!(":{part}"));
    format!("{}{}", path(issue), place.collect::<String>())
}
