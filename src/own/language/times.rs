//! Times and spans of time.

use jiff::{SignedDuration, Timestamp};

use super::fault::Fault;
use super::functions::Function;
use super::value::Value;

/// Calls a function of times; `None` where it is none, or the operands are others.
///
/// # Errors
/// Where a text is no time or no duration.
pub(crate) fn call(function: Function, operands: &[Value]) -> Result<Option<Value>, Fault> {
    use Value::{Duration, Int, Text, Time};
    let value = match (function, operands) {
        (Function::ToTime, [Text(text)]) => Time(time(text)?),
        (Function::ToTime, [time @ Time(_)]) => time.clone(),
        (Function::ToTime, [Int(seconds)]) => {
            Time(Timestamp::from_second(*seconds).map_err(|_| Fault::wrong("a time is out of range"))?)
        }
        (Function::ToDuration, [Text(text)]) => Duration(duration(text)?),
        (Function::ToDuration, [span @ Duration(_)]) => span.clone(),
        (Function::GetHours, [Duration(span)]) => Int(span.as_secs() / 3600),
        (Function::GetMinutes, [Duration(span)]) => Int(span.as_secs() / 60),
        (Function::GetSeconds, [Duration(span)]) => Int(span.as_secs()),
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn time(text: &str) -> Result<Timestamp, Fault> {
    text.parse().map_err(|_| Fault::wrong(format!("{:?} is no time", cut(text))))
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A duration as Go writes it: `1h30m`, `-2.5s`, `100ms`.
fn duration(text: &str) -> Result<SignedDuration, Fault> {
    let wrong = || Fault::wrong(format!("{:?} is no duration, such as 1h30m", cut(text)));
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    let mut nanos: i128 = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(wrong()),
        };
        nanos = nanos.checked_add(scaled(number, scale).ok_or_else(wrong)?).ok_or_else(wrong)?;
        rest = tail;
    }
    let seconds = i64::try_from(nanos / 1_000_000_000).map_err(|_| wrong())?;
    let part = i32::try_from(nanos % 1_000_000_000).map_err(|_| wrong())?;
    Ok(SignedDuration::new(sign * seconds, sign as i32 * part))
}

/// A decimal number times a scale.
fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.len() > 18 || whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let digits = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let power = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some(digits(whole)? * scale + digits(fraction)? * scale / power)
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_those_of_go() {
        let seconds = |text: &str| duration(text).ok().map(|span| span.as_millis());
        assert_eq!(seconds("1h30m"), Some(5_400_000));
        assert_eq!(seconds("-2.5s"), Some(-2_500));
        assert_eq!(seconds("100ms"), Some(100));
        assert_eq!(seconds("0"), Some(0));
        for text in ["", "-", "1", "h", "1d", "1.2.3s", "999999999999999999999h", "1hh", "."] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
