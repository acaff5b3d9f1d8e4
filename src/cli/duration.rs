//! Durations as kubectl's `--request-timeout` takes them.

use std::time::Duration;

/// Reads `0`, `30` (seconds), `5s`, `1m30s`, `1.5h` or `300ms`; zero is no limit.
///
/// # Errors
/// Where the text is none of these.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write 30s, 1m or 0 for no limit");
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
        let unit_end = rest[end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |length| end + length);
        let seconds = number * unit(&rest[end..unit_end]).ok_or_else(wrong)?;
        total = total.checked_add(Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?).ok_or_else(wrong)?;
        rest = &rest[unit_end..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// A unit in seconds.
fn unit(name: &str) -> Option<f64> {
    match name {
        "h" => Some(3600.0),
        "m" => Some(60.0),
        "s" => Some(1.0),
        "ms" => Some(0.001),
        "us" | "µs" => Some(0.000_001),
        "ns" => Some(0.000_000_001),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_kubectl_reads_them() {
        for (text, milliseconds) in [
            ("0", 0),
            ("5", 5_000),
            ("5s", 5_000),
            ("1m", 60_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("300ms", 300),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "-1s", "5x", "1m30", "five", "1e400s", "99999999999999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
