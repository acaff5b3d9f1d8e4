//! Fields of objects as the server stores them.

use serde_json::Value;

pub(crate) use super::server::json::{list, number, text};

pub(crate) fn kind_of(object: &Value) -> &str {
    text(object, "/kind")
}

pub(crate) fn name_of(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace_of(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(crate) fn uid_of(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether the object waits for its finalizers to be gone.
pub(crate) fn deleting(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// Whether an object's controller is the one of this uid.
pub(crate) fn controlled(object: &Value, uid: &str) -> bool {
    list(object, "/metadata/ownerReferences").iter().any(|owner| owner["controller"] == true && owner["uid"] == uid)
}

/// A count that is given as a number or as a share of `total` (`apimachinery/pkg/util/intstr`,
/// GetScaledValueFromIntOrPercent).
pub(crate) fn scaled(value: Option<&Value>, total: i64, up: bool) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let share: i64 = text.strip_suffix('%')?.parse().ok()?;
            let product = share.saturating_mul(total);
            Some(if up { product.saturating_add(99).div_euclid(100) } else { product.div_euclid(100) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_rounded_as_asked() {
        let of = |value: Value, up| scaled(Some(&value), 3, up);
        assert_eq!((of(json!("25%"), true), of(json!("25%"), false)), (Some(1), Some(0)));
        assert_eq!((of(json!(2), true), of(json!("x"), true), scaled(None, 3, true)), (Some(2), None, None));
    }
}
