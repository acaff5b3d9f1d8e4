//! The functions that expressions can call: those of CEL, and of Kubernetes' own library what is useful here.

use super::fault::Fault;
use super::meter::Meter;
use super::value::{Key, Value, equal, order};
use super::{quantities, texts, times};

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `size(x)`
    Global,
    /// `x.size()`
    Member,
}

macro_rules! functions {
    ($($variant:ident: $form:ident $name:literal [$($count:literal),+],)*) => {
        /// A function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Function {
            $($variant,)*
        }

        /// Form, name and the numbers of operands, the receiver included, of each function.
        const TABLE: &[(Function, Form, &str, &[usize])] =
            &[$((Function::$variant, Form::$form, $name, &[$($count),+]),)*];
    };
}

functions! {
    Size: Global "size" [1],
    SizeOf: Member "size" [1],
    Contains: Member "contains" [2],
    StartsWith: Member "startsWith" [2],
    EndsWith: Member "endsWith" [2],
    Matches: Member "matches" [2],
    LowerAscii: Member "lowerAscii" [1],
    UpperAscii: Member "upperAscii" [1],
    Trim: Member "trim" [1],
    Split: Member "split" [2],
    Join: Member "join" [1, 2],
    Replace: Member "replace" [3],
    Substring: Member "substring" [2, 3],
    IndexOf: Member "indexOf" [2],
    ToText: Global "string" [1],
    ToInt: Global "int" [1],
    ToUint: Global "uint" [1],
    ToDouble: Global "double" [1],
    ToBool: Global "bool" [1],
    Dyn: Global "dyn" [1],
    Min: Member "min" [1],
    Max: Member "max" [1],
    Sum: Member "sum" [1],
    ToQuantity: Global "quantity" [1],
    IsQuantity: Global "isQuantity" [1],
    CompareTo: Member "compareTo" [2],
    IsLessThan: Member "isLessThan" [2],
    IsGreaterThan: Member "isGreaterThan" [2],
    AddQuantity: Member "add" [2],
    SubtractQuantity: Member "sub" [2],
    Sign: Member "sign" [1],
    IsInteger: Member "isInteger" [1],
    AsInteger: Member "asInteger" [1],
    AsApproximateFloat: Member "asApproximateFloat" [1],
    ToTime: Global "timestamp" [1],
    ToDuration: Global "duration" [1],
    GetHours: Member "getHours" [1],
    GetMinutes: Member "getMinutes" [1],
    GetSeconds: Member "getSeconds" [1],
    OptionalOf: Member "optional.of" [1],
    HasValue: Member "hasValue" [1],
    Unwrap: Member "value" [1],
    OrValue: Member "orValue" [2],
    Or: Member "or" [2],
}

impl Function {
    /// Whether the result stands where the first operand does.
    pub(crate) fn keeps_place(self) -> bool {
        matches!(self, Self::Dyn | Self::Unwrap | Self::OrValue | Self::Or)
    }

    /// The name, as rules write it.
    pub(crate) fn name(self) -> &'static str {
        TABLE.iter().find(|(function, ..)| *function == self).map_or("", |(_, _, name, _)| name)
    }
}

/// The function of a name that takes so many operands.
///
/// # Errors
/// Where there is none, with what there is.
pub(crate) fn find(name: &str, form: Form, operands: usize) -> Result<Function, String> {
    let named: Vec<_> = TABLE.iter().filter(|(_, _, known, _)| *known == name && !name.contains('.')).collect();
    let fits = named.iter().find(|(_, how, _, counts)| *how == form && counts.contains(&operands));
    if let Some((function, ..)) = fits {
        return Ok(*function);
    }
    let call = |form: Form, operands: usize| match form {
        Form::Global => format!("{name}({})", vec!["…"; operands].join(", ")),
        Form::Member => format!("x.{name}({})", vec!["…"; operands.saturating_sub(1)].join(", ")),
    };
    match named.as_slice() {
        [] => Err(format!("there is no function `{name}`")),
        [(_, form, _, counts), ..] => Err(format!("{name} is called as {}", call(*form, counts[0]))),
    }
}

/// Calls a function.
///
/// # Errors
/// Where the operands are of types that it doesn't take, or it takes too much.
pub(crate) fn call(function: Function, operands: &[Value], meter: &mut Meter) -> Result<Value, Fault> {
    use Value as V;
    match (function, operands) {
        (Function::Size | Function::SizeOf, [value]) => size(value, meter),
        (Function::Dyn, [value]) => Ok(value.clone()),
        (Function::ToInt, [value]) => to_int(value).ok_or_else(|| unsuited(function, operands)),
        (Function::ToUint, [value]) => match to_int(value) {
            _ if matches!(value, V::Uint(_)) => Ok(value.clone()),
            Some(V::Int(number)) if number >= 0 => Ok(V::Uint(number.unsigned_abs())),
            _ => Err(unsuited(function, operands)),
        },
        (Function::ToDouble, [value]) => to_double(value).map(V::Double).ok_or_else(|| unsuited(function, operands)),
        (Function::ToBool, [V::Bool(value)]) => Ok(V::Bool(*value)),
        (Function::ToBool, [V::Text(text)]) => match &**text {
            "true" => Ok(V::Bool(true)),
            "false" => Ok(V::Bool(false)),
            _ => Err(unsuited(function, operands)),
        },
        (Function::Min | Function::Max, [V::List(items)]) => extreme(function, items, meter),
        (Function::Sum, [V::List(items)]) => sum(items, meter),
        (Function::OptionalOf, [value]) => {
            meter.make(size_of::<Value>())?;
            Ok(V::optional(Some(value.clone())))
        }
        (Function::HasValue, [V::Optional(value)]) => Ok(V::Bool(value.is_some())),
        (Function::Unwrap, [V::Optional(Some(value))]) => Ok(V::clone(value)),
        (Function::Unwrap, [V::Optional(None)]) => Err(Fault::wrong("the optional has no value")),
        (Function::OrValue, [V::Optional(Some(value)), _]) => Ok(V::clone(value)),
        (Function::OrValue, [V::Optional(None), other]) => Ok(other.clone()),
        (Function::Or, [V::Optional(None), other @ V::Optional(_)]) => Ok(other.clone()),
        (Function::Or, [some @ V::Optional(_), V::Optional(_)]) => Ok(some.clone()),
        _ => {
            let texts = texts::call(function, operands, meter)?;
            let other = || Ok(quantities::call(function, operands)?.or(times::call(function, operands)?));
            texts.map_or_else(other, |value| Ok(Some(value)))?.ok_or_else(|| unsuited(function, operands))
        }
    }
}

/// Says that a function doesn't take values of these types.
pub(crate) fn unsuited(function: Function, operands: &[Value]) -> Fault {
    let shown = operands.iter().map(|value| match value {
        Value::Text(text) if text.len() <= 40 => format!("{text:?}"),
        value => value.kind().to_owned(),
    });
    Fault::wrong(format!("{}() doesn't take {}", function.name(), shown.collect::<Vec<_>>().join(", ")))
}

fn size(value: &Value, meter: &mut Meter) -> Result<Value, Fault> {
    let size = match value {
        Value::Text(text) => {
            meter.read(text.len())?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.len(),
        value => return Err(unsuited(Function::Size, std::slice::from_ref(value))),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn to_int(value: &Value) -> Option<Value> {
    let number = match value {
        Value::Int(number) => *number,
        Value::Uint(number) => i64::try_from(*number).ok()?,
        Value::Double(number) if number.abs() < 9.2e18 => *number as i64,
        Value::Text(text) => text.parse().ok()?,
        Value::Time(time) => time.as_second(),
        _ => return None,
    };
    Some(Value::Int(number))
}

fn to_double(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn extreme(function: Function, items: &[Value], meter: &mut Meter) -> Result<Value, Fault> {
    let wanted = if function == Function::Min { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
    let (first, others) = items.split_first().ok_or_else(|| Fault::wrong("the list is empty"))?;
    let mut best = first;
    for item in others {
        meter.spend(1)?;
        let order = order(item, best, meter)?;
        let order = order.ok_or_else(|| unsuited(function, &[item.clone(), best.clone()]))?;
        best = if order == wanted { item } else { best };
    }
    Ok(best.clone())
}

fn sum(items: &[Value], meter: &mut Meter) -> Result<Value, Fault> {
    let mut total = items.first().map_or(Value::Int(0), Value::clone);
    for item in items.iter().skip(1) {
        meter.spend(1)?;
        total = super::eval::add(&total, item, meter)?;
    }
    Ok(total)
}

/// Whether a value is in a list, or a key of a map.
///
/// # Errors
/// Where the second is neither, or the look takes too long.
pub(crate) fn within(value: &Value, container: &Value, meter: &mut Meter) -> Result<bool, Fault> {
    match container {
        Value::List(items) => {
            for item in items.iter() {
                if equal(value, item, meter)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(map) => Ok(Key::of(value).is_some_and(|key| map.contains_key(&key))),
        other => Err(Fault::wrong(format!("`in` doesn't look into a {}", other.kind()))),
    }
}
