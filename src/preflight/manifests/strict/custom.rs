//! Types that decode themselves, with the errors of their own.

use serde_json::Value;

use super::table::Type;
use super::time;

/// Why a type's own decoding refuses a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// What the value is and the type that it should be.
    Mismatch(String, &'static str),
    /// In the type's own words.
    Told(String),
}

/// What the type's own decoding says against a value that is not null.
pub(super) fn fault(kind: &Type, value: &Value) -> Option<Refused> {
    match kind {
        Type::Quantity => quantity_fault(&raw(value)).map(|told| Refused::Told(told.to_owned())),
        Type::IntOrString => int_or_string_fault(value),
        Type::Time => text_fault(value, |text| time::fault(text, time::RFC3339)),
        Type::MicroTime => text_fault(value, |text| time::fault(text, time::MICRO)),
        Type::Duration => text_fault(value, duration_fault),
        _ => None,
    }
}

/// What is wrong with a text, or that the value is none.
fn text_fault(value: &Value, fault: impl FnOnce(&str) -> Option<String>) -> Option<Refused> {
    match value {
        Value::String(text) => fault(text).map(Refused::Told),
        other => Some(Refused::Mismatch(word(other).to_owned(), "string")),
    }
}

/// What Go calls a value.
pub(super) fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `IntOrString.UnmarshalJSON` in apimachinery `pkg/util/intstr/intstr.go`.
fn int_or_string_fault(value: &Value) -> Option<Refused> {
    let what = match value {
        Value::String(_) => return None,
        Value::Number(number) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => return None,
        Value::Number(number) => format!("number {number}"),
        other => word(other).to_owned(),
    };
    Some(Refused::Mismatch(what, "int32"))
}

/// What a quantity is parsed from: texts without their quotes, all else as it stands.
fn raw(value: &Value) -> String {
    let json = value.to_string();
    let inner = json.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&json);
    inner.trim().to_owned()
}

/// Why `ParseQuantity` in apimachinery `pkg/api/resource/quantity.go` refuses a text.
pub(super) fn quantity_fault(text: &str) -> Option<&'static str> {
    const FORMAT: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    const SUFFIX: &str = "unable to parse quantity's suffix";
    if text.is_empty() {
        return Some(FORMAT);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut rest = unsigned.get(digits(unsigned)..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.get(digits(fraction)..).unwrap_or_default();
    }
    let suffix = rest;
    let letters = rest.find(|c: char| !"eEinumkKMGTP".contains(c)).unwrap_or(rest.len());
    let behind = rest.get(letters..).unwrap_or_default();
    let behind = behind.strip_prefix(['-', '+']).unwrap_or(behind);
    if digits(behind) < behind.len() {
        return Some(FORMAT);
    }
    let known = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].contains(&suffix);
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|exponent| exponent.parse::<i64>().is_ok());
    (!known && !exponent).then_some(SUFFIX)
}

/// What `time.ParseDuration` says.
fn duration_fault(text: &str) -> Option<String> {
    const UNITS: [&str; 8] = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
    let invalid = || Some(format!("time: invalid duration {text:?}"));
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return None;
    }
    if rest.is_empty() {
        return invalid();
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, behind) = rest.split_at(number);
        if !digits.bytes().any(|byte| byte.is_ascii_digit()) || digits.matches('.').count() > 1 {
            return invalid();
        }
        let end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        if unit.is_empty() {
            return Some(format!("time: missing unit in duration {text:?}"));
        }
        if !UNITS.contains(&unit) {
            return Some(format!("time: unknown unit {unit:?} in duration {text:?}"));
        }
        rest = behind;
    }
    None
}

/// What Go's `base64.StdEncoding` says against a text; line breaks are passed over.
pub(super) fn base64_fault(text: &str) -> Option<String> {
    let bytes: Vec<(usize, u8)> = text.bytes().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n')).collect();
    let told = |at: usize| Some(format!("illegal base64 data at input byte {at}"));
    let data = bytes.iter().take_while(|(_, byte)| *byte != b'=').count();
    let wrong = |byte: u8| !(byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    if let Some((at, _)) = bytes.iter().take(data).find(|(_, byte)| wrong(*byte)) {
        return told(*at);
    }
    let padding = bytes.len() - data;
    match (data % 4, padding) {
        (0, 0) | (2, 2) | (3, 1) => None,
        (_, 0) => told(text.len() - data % 4),
        _ => told(bytes.get(data).map_or(text.len(), |(at, _)| *at)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_refused_in_the_server_s_words() {
        for fits in ["1", "1Gi", "0.5", "1e3", "1E", "12E-2", "-1", "1.", "."] {
            assert_eq!(quantity_fault(fits), None, "{fits}");
        }
        let format = |text| quantity_fault(text).is_some_and(|told| told.starts_with("quantities must match"));
        let suffix = |text| quantity_fault(text) == Some("unable to parse quantity's suffix");
        assert!(format("") && format("1 Gi") && format("abc") && format("1GB") && format("10GiB"));
        assert!(suffix("1K") && suffix("1ki") && suffix("1mm") && suffix("1e"));
        assert_eq!(fault(&Type::Quantity, &json!(5)), None);
        assert!(fault(&Type::Quantity, &json!(true)).is_some());
    }

    #[test]
    fn other_types_have_errors_of_their_own() {
        let told = |kind, value| fault(&kind, &value);
        let mismatch = |what: &str, kind| Some(Refused::Mismatch(what.to_owned(), kind));
        assert_eq!(told(Type::IntOrString, json!("25%")), None);
        assert_eq!(told(Type::IntOrString, json!(true)), mismatch("bool", "int32"));
        assert_eq!(told(Type::IntOrString, json!(99_999_999_999_i64)), mismatch("number 99999999999", "int32"));
        assert_eq!(told(Type::Time, json!(1)), mismatch("number", "string"));
        assert_eq!(told(Type::Duration, json!("1h30m")), None);
        let duration = Refused::Told("time: missing unit in duration \"5\"".to_owned());
        assert_eq!(told(Type::Duration, json!("5")), Some(duration));
        assert_eq!(base64_fault("aGk="), None);
        assert_eq!(base64_fault("aGk").as_deref(), Some("illegal base64 data at input byte 0"));
        assert_eq!(base64_fault("a!==").as_deref(), Some("illegal base64 data at input byte 1"));
    }
}
