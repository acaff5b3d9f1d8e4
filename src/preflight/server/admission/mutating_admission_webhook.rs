//! `MutatingAdmissionWebhook`, and before it `MutatingAdmissionPolicy`.

use serde_json::Value;

use super::super::Request;
use super::super::json::{at, text};
use super::webhooks::{Sort, call, constraints, settles};
use super::{Attributes, Stop};

/// Lets policies and webhooks change an object.
///
/// # Errors
/// Where one of them can't be called and has to be, or makes of the object what can't be known.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) -> Result<(), Stop> {
    if cx.request == Request::ApplyUnhooked {
        return Ok(());
    }
    for binding in cx.world.list("MutatingAdmissionPolicyBinding", None) {
        let name = text(binding, "/spec/policyName");
        let Some(policy) = cx.world.get("MutatingAdmissionPolicy", None, name) else { continue };
        let holds = |holder: &Value, field: &str| at(holder, field).is_none_or(|held| constraints(cx, held, object));
        if holds(policy, "/spec/matchConstraints") && holds(binding, "/spec/matchResources") {
            return Err(Stop::Unknown(format!(
                "MutatingAdmissionPolicy {name} changes the object in ways that are not worked out here; \
                 {}",
                settles(cx)
            )));
        }
    }
    call(cx, Sort::Mutating, object)
}
