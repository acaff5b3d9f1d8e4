//! When rules run, and what they see of each other's findings.

use crate::diagnosis::context::Context;
use crate::diagnosis::out::{Causes, Out};

/// A step of the run. The rules of a step see what the steps before it have found, and nothing of each other, so that
/// their order within it does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What is wrong with an object in itself: sees no other finding.
    Cause,
    /// What keeps pods from being made, or their containers from being prepared.
    Start,
    /// Containers and changes that fail.
    Container,
    /// Cloud providers whose own parts do not run.
    Provider,
    /// Drivers whose own parts do not run.
    Driver,
    /// What stops a volume or a pod on its way.
    Obstacle,
    /// What failed, or waits too long, where nothing before says why.
    Failure,
    /// What is left without an explanation.
    Rest,
    /// What waits, as it should.
    Wait,
    /// What is not broken and can be lost: told where it is asked for.
    Risk,
}

impl Stage {
    /// All, in the order in which they run.
    pub const ALL: [Self; 10] = [
        Self::Cause,
        Self::Start,
        Self::Container,
        Self::Provider,
        Self::Driver,
        Self::Obstacle,
        Self::Failure,
        Self::Rest,
        Self::Wait,
        Self::Risk,
    ];
}

/// What a rule does.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Looks at the cluster alone.
    Cause(fn(&Context<'_>, &mut Causes)),
    /// Looks at what was found before as well.
    Later(fn(&Context<'_>, &mut Out<'_>)),
}

/// The check of a rule, of the type that its stage asks for.
macro_rules! check {
    (Cause, $check:path) => {
        $crate::rules::Check::Cause($check)
    };
    ($later:ident, $check:path) => {
        $crate::rules::Check::Later($check)
    };
}
pub(in crate::rules) use check;
