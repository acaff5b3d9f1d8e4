//! `ValidatingAdmissionWebhook`.

use serde_json::Value;

use super::webhooks::{Sort, call};
use super::{Attributes, Stop};

/// Lets webhooks refuse an object.
///
/// # Errors
/// Where one can't be called and has to be, or whether it refuses the object can't be known.
pub(super) fn validate(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    call(cx, Sort::Validating, &mut object.clone())
}
