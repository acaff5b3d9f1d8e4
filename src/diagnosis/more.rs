//! Rules beside the built-in ones.

use super::context::Context;
use super::options::Scope;
use super::out::Causes;

/// Rules that come from elsewhere. They run with the first stage.
pub trait MoreRules {
    /// What each rule says, by its name.
    fn causes(&self, cx: &Context<'_>, scope: &Scope) -> Vec<(String, Causes)>;
}

/// None.
#[derive(Clone, Copy, Debug)]
pub struct NoMore;

impl MoreRules for NoMore {
    fn causes(&self, _: &Context<'_>, _: &Scope) -> Vec<(String, Causes)> {
        Vec::new()
    }
}
