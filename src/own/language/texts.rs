//! Functions of texts, and the text of values.

use std::fmt::Write;

use super::fault::Fault;
use super::functions::{Function, unsuited};
use super::meter::Meter;
use super::value::{Key, Value};

/// Characters of a value that a text shows.
const SHOWN: usize = 1000;

/// Calls a function of texts; `None` where it is none, or the operands are others.
///
/// # Errors
/// Where it can't be done with these operands, or takes too much.
pub(crate) fn call(function: Function, operands: &[Value], meter: &mut Meter) -> Result<Option<Value>, Fault> {
    use Value::{Bool, Int, List, Text};
    for operand in operands {
        meter.read(operand.as_text().map_or(0, str::len))?;
    }
    let value = match (function, operands) {
        (Function::Contains, [Text(text), Text(part)]) => Bool(text.contains(&**part)),
        (Function::StartsWith, [Text(text), Text(part)]) => Bool(text.starts_with(&**part)),
        (Function::EndsWith, [Text(text), Text(part)]) => Bool(text.ends_with(&**part)),
        (Function::LowerAscii, [Text(text)]) => made(meter, text.len(), || text.to_ascii_lowercase())?,
        (Function::UpperAscii, [Text(text)]) => made(meter, text.len(), || text.to_ascii_uppercase())?,
        (Function::Trim, [Text(text)]) => made(meter, text.len(), || text.trim().to_owned())?,
        (Function::IndexOf, [Text(text), Text(part)]) => {
            let at = text.find(&**part).map(|at| text[..at].chars().count());
            Int(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
        }
        (Function::Replace, [Text(text), Text(from), Text(to)]) => {
            let times = text.matches(&**from).count();
            let size = times.checked_mul(to.len()).and_then(|more| more.checked_add(text.len()));
            made(meter, size.unwrap_or(usize::MAX), || text.replace(&**from, to))?
        }
        (Function::Split, [Text(text), Text(by)]) => split(text, by, meter)?,
        (Function::Join, [List(items)]) => join(items, "", meter)?,
        (Function::Join, [List(items), Text(by)]) => join(items, by, meter)?,
        (Function::Substring, [Text(text), Int(from)]) => substring(text, *from, None, meter, operands)?,
        (Function::Substring, [Text(text), Int(from), Int(to)]) => substring(text, *from, Some(*to), meter, operands)?,
        (Function::ToText, [value]) => return text_of(value, meter).map(|text| Some(Value::text(&text))),
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn made(meter: &mut Meter, bytes: usize, make: impl FnOnce() -> String) -> Result<Value, Fault> {
    meter.make(bytes)?;
    Ok(Value::text(&make()))
}

fn split(text: &str, by: &str, meter: &mut Meter) -> Result<Value, Fault> {
    let parts = if by.is_empty() { text.chars().count() } else { text.matches(by).count() + 1 };
    meter.make(parts.saturating_mul(size_of::<Value>() + 24).saturating_add(text.len()))?;
    let parts: Vec<Value> = match by {
        "" => text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]))).collect(),
        by => text.split(by).map(Value::text).collect(),
    };
    Ok(Value::list(parts))
}

fn join(items: &[Value], by: &str, meter: &mut Meter) -> Result<Value, Fault> {
    meter.spend(items.len() as u64)?;
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_text).collect();
    let texts = texts.ok_or_else(|| Fault::wrong("join() takes a list of strings"))?;
    let size = texts.iter().map(|text| text.len()).sum::<usize>();
    made(meter, size.saturating_add(by.len().saturating_mul(items.len())), || texts.join(by))
}

fn substring(text: &str, from: i64, to: Option<i64>, meter: &mut Meter, all: &[Value]) -> Result<Value, Fault> {
    let length = text.chars().count();
    let from = usize::try_from(from).ok();
    let to = to.map_or(Some(length), |to| usize::try_from(to).ok());
    match (from, to) {
        (Some(from), Some(to)) if from <= to && to <= length => {
            made(meter, text.len(), || text.chars().skip(from).take(to - from).collect())
        }
        _ => Err(unsuited(Function::Substring, all)),
    }
}

/// A value as `string()` has it, and lists and maps as JSON, cut where they are long.
///
/// # Errors
/// Where the text takes too much.
pub(crate) fn text_of(value: &Value, meter: &mut Meter) -> Result<String, Fault> {
    if let Value::Text(text) = value {
        meter.make(text.len())?;
        return Ok((**text).to_owned());
    }
    meter.make(SHOWN)?;
    let mut text = String::new();
    show(value, &mut text, false);
    if let Some((cut, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(cut);
        text.push('…');
    }
    Ok(text)
}

/// Writes a value until the text is long enough.
fn show(value: &Value, text: &mut String, inner: bool) {
    if text.len() > 4 * SHOWN {
        return;
    }
    let _ = match value {
        Value::Null => text.write_str("null"),
        Value::Bool(value) => write!(text, "{value}"),
        Value::Int(value) => write!(text, "{value}"),
        Value::Uint(value) => write!(text, "{value}"),
        Value::Double(value) => write!(text, "{value}"),
        Value::Text(value) => {
            let part: String = value.chars().take(SHOWN).collect();
            if inner { write!(text, "{part:?}") } else { text.write_str(&part) }
        }
        Value::Bytes(bytes) => write!(text, "{} bytes", bytes.len()),
        Value::Duration(value) => write!(text, "{}s", value.as_secs()),
        Value::Time(value) => write!(text, "{value}"),
        Value::Quantity(value) => write!(text, "{value}"),
        Value::Optional(None) => text.write_str("nothing"),
        Value::Optional(Some(value)) => {
            show(value, text, inner);
            Ok(())
        }
        Value::List(items) => {
            show_all(text, ('[', ']'), items.iter().map(|item| (None, item)));
            Ok(())
        }
        Value::Map(map) => {
            show_all(text, ('{', '}'), map.iter().map(|(key, value)| (Some(key), value)));
            Ok(())
        }
    };
}

fn show_all<'v>(
    text: &mut String,
    (open, close): (char, char),
    items: impl Iterator<Item = (Option<&'v Key>, &'v Value)>,
) {
    text.push(open);
    for (position, (key, value)) in items.enumerate() {
        if text.len() > 4 * SHOWN {
            break;
        }
        text.push_str(if position > 0 { ", " } else { "" });
        if let Some(key) = key {
            show(&key.value(), text, false);
            text.push_str(": ");
        }
        show(value, text, true);
    }
    text.push(close);
}
