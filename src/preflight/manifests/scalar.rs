//! What a scalar means: YAML 1.1, as kubectl reads it.
//!
//! Upstream: `resolve` in go.yaml.in/yaml/v2 `resolve.go`, and `convertToJSONableObject` in sigs.k8s.io/yaml `yaml.go`
//! for keys and for what JSON makes of numbers.

use serde_json::{Number, Value};

/// The value of a scalar. `tag` is the part behind `tag:yaml.org,2002:` of an explicit tag.
///
/// # Errors
/// Where a tag asks for what the text is not, or the number has no JSON.
pub(super) fn value(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    if tag == Some("binary") {
        return binary(text).map(Value::String).ok_or_else(|| "!!binary value contains invalid base64 data".to_owned());
    }
    let resolved = match tag {
        None if plain => resolve(text),
        Some("bool" | "int" | "float" | "null") => resolve(text),
        _ => Resolved::Text,
    };
    let resolved = match (tag, resolved) {
        (Some("float"), Resolved::Integer(number)) => number.as_f64().map_or(Resolved::Text, Resolved::Float),
        (_, resolved) => resolved,
    };
    if let Some(tag @ ("bool" | "int" | "float" | "null")) = tag
        && resolved.tag() != tag
    {
        return Err(format!("cannot decode !!{} `{text}` as a !!{tag}", resolved.tag()));
    }
    match resolved {
        Resolved::Null => Ok(Value::Null),
        Resolved::Bool(value) => Ok(Value::Bool(value)),
        Resolved::Integer(number) => Ok(Value::Number(number)),
        Resolved::Float(float) => json_number(float).map(Value::Number).ok_or_else(|| format!("`{text}` has no JSON")),
        Resolved::Text => Ok(Value::String(text.to_owned())),
    }
}

/// The text of a key; `None` where it can't be one.
pub(super) fn key(text: &str, plain: bool, tag: Option<&str>) -> Option<String> {
    if tag == Some("binary") {
        return binary(text);
    }
    let resolved = if tag.is_none() && plain { resolve(text) } else { Resolved::Text };
    match resolved {
        Resolved::Text => Some(text.to_owned()),
        Resolved::Bool(value) => Some(value.to_string()),
        Resolved::Integer(number) => number.is_i64().then(|| number.to_string()),
        Resolved::Float(float) => Some(float_key(float)),
        Resolved::Null => None,
    }
}

/// What base64 stands for (`encoding/base64`, StdEncoding), as a text; bytes that are none become marks.
fn binary(text: &str) -> Option<String> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let end = digits.iter().position(|byte| *byte == b'=').unwrap_or(digits.len());
    let (digits, padding) = digits.split_at(end);
    let whole = (digits.len() + padding.len()).is_multiple_of(4) && padding.len() < 3;
    if !whole || padding.iter().any(|byte| *byte != b'=') {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 3);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6 | sextet(*digit)?;
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend(bits.to_be_bytes().iter().skip(1).take(group.len().saturating_sub(1)));
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

enum Resolved {
    Null,
    Bool(bool),
    Integer(Number),
    Float(f64),
    Text,
}

impl Resolved {
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int",
            Self::Float(_) => "float",
            Self::Text => "str",
        }
    }
}

fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'.') => float(text).map_or(Resolved::Text, Resolved::Float),
        Some(b'0'..=b'9' | b'+' | b'-') => number(&text.replace('_', "")),
        _ => Resolved::Text,
    }
}

fn number(text: &str) -> Resolved {
    integer(text).map(Resolved::Integer).or_else(|| float(text).map(Resolved::Float)).unwrap_or(Resolved::Text)
}

/// `strconv.ParseInt` and `ParseUint` with base 0: `0x`, `0b`, `0o` and a leading 0 for octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let signed = digits.len() < text.len();
    let prefixed = |prefix: &str| digits.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let (base, digits) = if prefixed("0x") {
        (16, digits.get(2..)?)
    } else if prefixed("0b") {
        (2, digits.get(2..)?)
    } else if prefixed("0o") {
        (8, digits.get(2..)?)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, digits.get(1..)?)
    } else {
        (10, digits)
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    let size = u64::from_str_radix(digits, base).ok()?;
    if negative {
        return i64::try_from(-i128::from(size)).ok().map(Number::from);
    }
    (!signed || i64::try_from(size).is_ok()).then(|| Number::from(size))
}

/// What `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$` lets through and fits 64 bits.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits = digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let value: f64 = (mantissa_fits && exponent_fits).then(|| text.parse().ok())??;
    value.is_finite().then_some(value)
}

/// The number as Go's JSON writes it: whole floats without a fraction.
pub(super) fn json_number(float: f64) -> Option<Number> {
    if float.fract() == 0.0 && float.abs() < 1e21 {
        let digits = float.to_string();
        let whole = digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from));
        if let Ok(whole) = whole {
            return Some(whole);
        }
    }
    Number::from_f64(float)
}

/// `strconv.FormatFloat(key, 'g', -1, 32)`, with YAML's words for what is no number.
fn float_key(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "upstream formats keys with 32 bits")]
    let short = float as f32;
    if short.is_infinite() {
        return if short > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = format!("{short:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return short.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_are_yaml_1_1() {
        for (text, expected) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!(true)),
            ("yEs", json!("yEs")),
            ("~", json!(null)),
            ("", json!(null)),
            ("017", json!(15)),
            ("0o17", json!(15)),
            ("08", json!(8)),
            ("0x1F", json!(31)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("+12", json!(12)),
            ("1.0", json!(1)),
            ("1.", json!(1)),
            (".5", json!(0.5)),
            ("1e3", json!(1000)),
            ("1.5e-1", json!(0.15)),
            ("1e999", json!("1e999")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("2024-01-02", json!("2024-01-02")),
            ("2024-01-02T03:04:05Z", json!("2024-01-02T03:04:05Z")),
            ("12:30:45", json!("12:30:45")),
            ("1Gi", json!("1Gi")),
            ("-", json!("-")),
            ("+", json!("+")),
            ("0x", json!("0x")),
            (".", json!(".")),
        ] {
            assert_eq!(value(text, true, None), Ok(expected), "{text}");
        }
        assert!(value(".nan", true, None).is_err());
        assert!(value(".inf", true, None).is_err());
    }

    #[test]
    fn tags_ask_for_a_type() {
        assert_eq!(value("12", false, None), Ok(json!("12")));
        assert_eq!(value("12", true, Some("str")), Ok(json!("12")));
        assert_eq!(value("12", false, Some("int")), Ok(json!(12)));
        assert_eq!(value("1", true, Some("float")), Ok(json!(1)));
        for (text, decoded) in
            [("aGk=", Some("hi")), ("aGkh", Some("hi!")), ("YQ==", Some("a")), ("", Some("")), ("aG\nk=", Some("hi"))]
        {
            assert_eq!(key(text, true, Some("binary")).as_deref(), decoded);
        }
        for text in ["aGk", "aGk==", "====", "a=k=", "aG*="] {
            assert!(value(text, true, Some("binary")).is_err(), "{text}");
        }
        assert_eq!(value("x", true, Some("int")), Err("cannot decode !!str `x` as a !!int".to_owned()));
    }

    #[test]
    fn keys_become_texts() {
        for (text, expected) in [
            ("a", Some("a")),
            ("1", Some("1")),
            ("yes", Some("true")),
            ("1.5", Some("1.5")),
            ("1000000.0", Some("1e+06")),
            ("0.00001", Some("1e-05")),
            ("~", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(key(text, true, None).as_deref(), expected, "{text}");
        }
        assert_eq!(key("yes", false, None).as_deref(), Some("yes"));
    }
}
