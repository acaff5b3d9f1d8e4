//! The smallest case that still shows a difference.

use serde_json::Value;

use super::case::Case;
use super::compare::{Difference, compare};
use super::play::Stage;
use super::tool::preflight;

/// How often the real control plane is asked at most.
const ATTEMPTS: usize = 30;

/// A case with what was seen of it.
pub struct Finding {
    pub case: Case,
    pub before: Value,
    pub difference: Difference,
}

/// Plays a case once, and compares.
fn run(stage: &mut Stage, case: &Case) -> Result<(Value, Vec<Difference>), String> {
    let before = stage.set(case)?;
    let report = preflight(case, &before, &stage.plane.version)?;
    let run = stage.play(case, false)?;
    Ok((before, compare(&report, &[run]).differences))
}

/// Drops documents, objects and fields as long as the tool and the real control plane still differ on the subject.
pub fn reduce(stage: &mut Stage, finding: Finding) -> Finding {
    let mut reducer = Reducer { stage, best: finding, attempts: 0 };
    for list in 0..4 {
        reducer.shorten(list);
    }
    reducer.best
}

struct Reducer<'a> {
    stage: &'a mut Stage,
    best: Finding,
    attempts: usize,
}

impl Reducer<'_> {
    /// Drops ever smaller parts of one of the lists.
    fn shorten(&mut self, list: usize) {
        let length = |case: &mut Case| case.lists()[list].len();
        let mut size = length(&mut self.best.case).div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < length(&mut self.best.case) {
                let mut candidate = self.best.case.clone();
                let end = (start + size).min(candidate.lists()[list].len());
                candidate.lists()[list].drain(start..end);
                if !self.take(candidate) {
                    start = end;
                }
            }
            size /= 2;
        }
    }

    /// Takes a smaller case where the difference is still there.
    fn take(&mut self, candidate: Case) -> bool {
        if self.attempts == ATTEMPTS || candidate.documents.is_empty() && candidate.deleted.is_empty() {
            return false;
        }
        self.attempts += 1;
        let Ok((before, differences)) = run(self.stage, &candidate) else { return false };
        let subject = &self.best.difference.subject;
        let Some(difference) = differences.into_iter().find(|one| &one.subject == subject) else { return false };
        self.best = Finding { case: candidate, before, difference };
        true
    }
}
