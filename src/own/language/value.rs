//! What expressions reckon with.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::fault::Fault;
use super::meter::Meter;
use crate::model::Quantity;

/// A value. Cloning is cheap: what can be large is shared.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    List(Arc<Vec<Value>>),
    Map(Arc<BTreeMap<Key, Value>>),
    Duration(SignedDuration),
    Time(Timestamp),
    Quantity(Arc<Quantity>),
    /// `optional.of(x)` and `optional.none()`.
    Optional(Option<Arc<Value>>),
}

/// The key of a map. Numbers are equal across their types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Bool(bool),
    Number(i128),
    Text(Arc<str>),
}

impl Value {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A list.
    pub(crate) fn list(items: Vec<Value>) -> Self {
        Self::List(Arc::new(items))
    }

    /// A map from names.
    #[cfg(test)]
    pub(crate) fn map<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Self {
        Self::Map(Arc::new(entries.into_iter().map(|(name, value)| (Key::Text(name.into()), value)).collect()))
    }

    /// A value that may be missing.
    pub(crate) fn optional(value: Option<Value>) -> Self {
        Self::Optional(value.map(Arc::new))
    }

    /// The type's name, as CEL has it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Duration(_) => "duration",
            Self::Time(_) => "timestamp",
            Self::Quantity(_) => "quantity",
            Self::Optional(_) => "optional",
        }
    }

    /// The field of a map.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Map(map) => map.get(&Key::Text(name.into())),
            _ => None,
        }
    }

    /// The text, where it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A value of JSON, with what it takes in memory, in bytes.
    pub(crate) fn of_json(json: &serde_json::Value) -> (Self, u64) {
        use serde_json::Value as Json;
        let slot = size_of::<Value>() as u64;
        match json {
            Json::Null => (Self::Null, slot),
            Json::Bool(value) => (Self::Bool(*value), slot),
            Json::Number(number) => (of_number(number), slot),
            Json::String(text) => (Self::text(text), slot + 16 + text.len() as u64),
            Json::Array(items) => {
                let (items, sizes): (Vec<Value>, Vec<u64>) = items.iter().map(Self::of_json).unzip();
                (Self::list(items), slot + 40 + sizes.iter().sum::<u64>())
            }
            Json::Object(fields) => {
                let mut size = slot + 40;
                let entry = |(name, value): (&String, &Json)| {
                    let (value, taken) = Self::of_json(value);
                    size += taken + 48 + name.len() as u64;
                    (Key::Text(name.as_str().into()), value)
                };
                let map = fields.iter().map(entry).collect();
                (Self::Map(Arc::new(map)), size)
            }
        }
    }
}

fn of_number(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(value), ..) => Value::Int(value),
        (_, Some(value), _) => Value::Uint(value),
        (.., value) => Value::Double(value.unwrap_or(f64::NAN)),
    }
}

impl Key {
    /// The key that a value is; `None` for one that can't be a key.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Int(value) => Some(Self::Number(i128::from(*value))),
            Value::Uint(value) => Some(Self::Number(i128::from(*value))),
            Value::Double(value) if value.fract() == 0.0 && value.abs() < 1e18 => Some(Self::Number(*value as i128)),
            Value::Text(text) => Some(Self::Text(Arc::clone(text))),
            _ => None,
        }
    }

    /// The key as a value.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => Value::Int(value),
                (_, Ok(value)) => Value::Uint(value),
                _ => Value::Null,
            },
            Self::Text(text) => Value::Text(Arc::clone(text)),
        }
    }
}

/// Whether two values are equal, as CEL has it: numbers by value, and values of different types never.
///
/// # Errors
/// Where the comparison takes too long.
pub(crate) fn equal(a: &Value, b: &Value, meter: &mut Meter) -> Result<bool, Fault> {
    meter.spend(1)?;
    Ok(match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => {
            meter.read(a.len().min(b.len()))?;
            a == b
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            meter.read(a.len().min(b.len()))?;
            a == b
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && all_equal(a.iter().zip(b.iter()), meter)?,
        (Value::Map(a), Value::Map(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for ((left, x), (right, y)) in a.iter().zip(b.iter()) {
                meter.read(key_size(left))?;
                if left != right || !equal(x, y, meter)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Time(a), Value::Time(b)) => a == b,
        (Value::Quantity(a), Value::Quantity(b)) => a.nanos() == b.nanos(),
        (Value::Optional(None), Value::Optional(None)) => true,
        (Value::Optional(Some(a)), Value::Optional(Some(b))) => equal(a, b, meter)?,
        _ => numbers(a, b) == Some(Ordering::Equal),
    })
}

fn all_equal<'v>(pairs: impl Iterator<Item = (&'v Value, &'v Value)>, meter: &mut Meter) -> Result<bool, Fault> {
    for (a, b) in pairs {
        if !equal(a, b, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn key_size(key: &Key) -> usize {
    match key {
        Key::Text(text) => text.len(),
        Key::Bool(_) | Key::Number(_) => 1,
    }
}

/// How two values of one kind are ordered; `None` where they aren't.
///
/// # Errors
/// Where the comparison takes too long.
pub(crate) fn order(a: &Value, b: &Value, meter: &mut Meter) -> Result<Option<Ordering>, Fault> {
    Ok(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => {
            meter.read(a.len().min(b.len()))?;
            Some(a.cmp(b))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            meter.read(a.len().min(b.len()))?;
            Some(a.cmp(b))
        }
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        _ => numbers(a, b),
    })
}

/// How two numbers are ordered; `None` for what is none, and for not-a-number.
fn numbers(a: &Value, b: &Value) -> Option<Ordering> {
    let whole = |value: &Value| match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    };
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Double(a), b) => fraction(*a, whole(b)?),
        (a, Value::Double(b)) => fraction(*b, whole(a)?).map(Ordering::reverse),
        (a, b) => Some(whole(a)?.cmp(&whole(b)?)),
    }
}

/// How a fraction stands to a whole number of at most 64 bits, exactly.
fn fraction(a: f64, b: i128) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    // A double this large is whole, and one beyond is larger than every number of 64 bits.
    if a.abs() >= 1e30 {
        return a.partial_cmp(&0.0);
    }
    let whole = a.trunc() as i128;
    Some(whole.cmp(&b).then_with(|| a.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal)))
}
