//! `MutatingAdmissionWebhook`.

use serde_json::Value;

use super::webhooks::{Sort, call};
use super::{Attributes, Stop};

/// Lets webhooks change an object.
///
/// # Errors
/// Where one of them can't be called and has to be, or makes of the object what can't be known.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) -> Result<(), Stop> {
    call(cx, Sort::Mutating, object)
}
