//! What Go's `time.Parse` says against a time.
//!
//! Upstream: `parse` in Go's `time/format.go`.

pub(super) const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
pub(super) const MICRO: &str = "2006-01-02T15:04:05.000000Z07:00";

/// A part of a layout: its text there, the fewest and the most digits, its largest value, and what that is called.
struct Part(&'static str, usize, usize, u32, &'static str);

/// The parts with what stands between them.
const PARTS: [(Part, &str); 6] = [
    (Part("2006", 4, 4, 9999, "year"), "-"),
    (Part("01", 2, 2, 12, "month"), "-"),
    (Part("02", 2, 2, 31, "day"), "T"),
    (Part("15", 1, 2, 23, "hour"), ":"),
    (Part("04", 2, 2, 59, "minute"), ":"),
    (Part("05", 2, 2, 59, "second"), ""),
];

/// Why a text is no time of the layout, [`RFC3339`] or [`MICRO`].
pub(super) fn fault(text: &str, layout: &str) -> Option<String> {
    let cannot = |left: &str, wanted: &str| {
        Some(format!("parsing time {text:?} as {layout:?}: cannot parse {left:?} as {wanted:?}"))
    };
    let told = |what: &str| Some(format!("parsing time {text:?}: {what}"));
    let mut rest = text;
    let mut date = [0u32; 3];
    for (index, (Part(wanted, fewest, most, largest, name), behind)) in PARTS.iter().enumerate() {
        let digits = rest.bytes().take(*most).take_while(u8::is_ascii_digit).count();
        let number = rest.get(..digits).and_then(|digits| digits.parse::<u32>().ok());
        let Some(number) = number.filter(|_| digits >= *fewest) else { return cannot(rest, wanted) };
        let left = rest.get(digits..).unwrap_or_default();
        if number > *largest || *name == "month" && number == 0 {
            return told(&format!("{name} out of range"));
        }
        if let Some(slot) = date.get_mut(index) {
            *slot = number;
        }
        rest = match left.strip_prefix(behind) {
            Some(rest) => rest,
            None => return cannot(left, behind),
        };
    }
    let digits = rest.strip_prefix(['.', ',']).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    if layout == MICRO && digits < 6 {
        return cannot(rest, ".000000");
    }
    if digits > 0 {
        rest = rest.get(digits + 1..).unwrap_or_default();
    }
    let rest = match zone(rest) {
        Some(rest) => rest,
        None => return cannot(rest, "Z07:00"),
    };
    if !rest.is_empty() {
        return told(&format!("extra text: {rest:?}"));
    }
    let [year, month, day] = date.map(|part| i16::try_from(part).unwrap_or_default());
    let exists = i8::try_from(month).ok().zip(i8::try_from(day).ok());
    let exists = exists.is_some_and(|(month, day)| jiff::civil::Date::new(year, month, day).is_ok());
    if exists { None } else { told("day out of range") }
}

/// What follows the zone.
fn zone(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some(rest);
    }
    let offset = text.get(..6)?;
    let digit = |at: usize| offset.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let fits = offset.starts_with(['+', '-']) && [1, 2, 4, 5].into_iter().all(digit) && offset.get(3..4) == Some(":");
    fits.then(|| text.get(6..)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_refused_in_go_s_words() {
        let told = |text| fault(text, RFC3339).unwrap_or_default();
        for fits in ["2024-01-02T03:04:05Z", "2024-02-29T03:04:05.123+02:00", "2024-01-02T3:04:05Z"] {
            assert_eq!(told(fits), "", "{fits}");
        }
        let cannot = |text: &str, left: &str, wanted: &str| {
            format!("parsing time \"{text}\" as \"{RFC3339}\": cannot parse \"{left}\" as \"{wanted}\"")
        };
        assert_eq!(told("x"), cannot("x", "x", "2006"));
        assert_eq!(told("2024"), cannot("2024", "", "-"));
        assert_eq!(told("2024-01-02"), cannot("2024-01-02", "", "T"));
        assert_eq!(told("2024-01-02T03:04:05"), cannot("2024-01-02T03:04:05", "", "Z07:00"));
        assert_eq!(told("2024-13-02T03:04:05Z"), "parsing time \"2024-13-02T03:04:05Z\": month out of range");
        assert_eq!(told("2023-02-29T03:04:05Z"), "parsing time \"2023-02-29T03:04:05Z\": day out of range");
        assert_eq!(told("2024-01-02T03:04:05Zx"), "parsing time \"2024-01-02T03:04:05Zx\": extra text: \"x\"");
        assert!(fault("2024-01-02T03:04:05Z", MICRO).is_some());
        assert_eq!(fault("2024-01-02T03:04:05.000001Z", MICRO), None);
    }
}
