//! `resource.Quantity` of apimachinery, exact to a nano unit.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Nano units in one unit.
const NANO: i128 = 1_000_000_000;
/// The largest quantity, as upstream caps it: 2^63-1 units (`pkg/api/resource/quantity.go`, maxAllowed).
const MAX: i128 = i64::MAX as i128 * NANO;
/// Digits that a quantity may have; upstream takes more, but nothing real needs them.
const MAX_DIGITS: usize = 60;

/// An amount of a resource: bytes, cores or a count. Compares by value; shows as it was written.
#[derive(Clone)]
pub struct Quantity {
    nanos: i128,
    text: Box<str>,
}

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a quantity")]
pub struct ParseQuantityError {
    text: String,
}

impl Quantity {
    /// Reads a quantity: sign, digits with an optional fraction, and a binary, decimal or exponent suffix.
    /// Fractions below a nano unit are rounded away from zero and values above 2^63-1 are capped, as upstream does.
    ///
    /// # Errors
    /// Where the text doesn't follow that grammar.
    pub fn parse(text: &str) -> Result<Self, ParseQuantityError> {
        let nanos = parse_nanos(text).ok_or_else(|| ParseQuantityError { text: text.chars().take(40).collect() })?;
        Ok(Self { nanos, text: text.into() })
    }

    /// A quantity of so many bytes, written with the largest binary suffix that keeps it exact.
    pub fn bytes(bytes: i64) -> Self {
        let suffix = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
        let text = suffix
            .iter()
            .find(|(_, bits)| bytes != 0 && bytes % (1i64 << bits) == 0)
            .map_or_else(|| bytes.to_string(), |(name, bits)| format!("{}{name}", bytes >> bits));
        Self { nanos: i128::from(bytes) * NANO, text: text.into() }
    }

    /// The exact value in nano units.
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The value in whole units, rounded up (away from zero): `Quantity.Value()`.
    pub fn value(&self) -> i64 {
        value(self.nanos)
    }

    /// Whether the amount is zero.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }
}

/// The sum of two amounts in nano units, capped like every quantity.
pub fn sum(a: i128, b: i128) -> i128 {
    a.saturating_add(b).clamp(-MAX, MAX)
}

/// Nano units in whole units, rounded up (away from zero): `Quantity.Value()`.
pub fn value(nanos: i128) -> i64 {
    scaled::<1_000_000_000>(nanos)
}

/// Nano units in thousandths, rounded up (away from zero): `Quantity.MilliValue()`, for CPU.
pub fn milli_value(nanos: i128) -> i64 {
    scaled::<1_000_000>(nanos)
}

/// Bytes as people write them, in the largest binary unit that leaves at least one, with one decimal where it isn't
/// whole: `45Gi`, `1.5Ti`. Rounded down, so that room is never told larger than it is.
pub fn short_bytes(bytes: i64) -> String {
    let units = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let Some((name, bits)) = units.into_iter().find(|(_, bits)| bytes >= 1 << bits) else { return bytes.to_string() };
    if bytes % (1 << bits) == 0 {
        return format!("{}{name}", bytes >> bits);
    }
    let tenths = (i128::from(bytes) * 10) >> bits;
    format!("{}.{}{name}", tenths / 10, tenths % 10)
}

/// `nanos / UNIT`, rounded away from zero. Most amounts fit 64 bits once the unit's powers of two are taken out.
fn scaled<const UNIT: u64>(nanos: i128) -> i64 {
    let twos = UNIT.trailing_zeros();
    let magnitude = nanos.unsigned_abs();
    let rest = (magnitude >> twos) + u128::from(magnitude & ((1 << twos) - 1) != 0);
    let rounded = match u64::try_from(rest) {
        Ok(rest) => u128::from(rest.div_ceil(UNIT >> twos)),
        Err(_) => rest.div_ceil(u128::from(UNIT >> twos)),
    };
    match (i64::try_from(rounded), nanos < 0) {
        (Ok(value), false) => value,
        (Ok(value), true) => -value,
        (Err(_), false) => i64::MAX,
        (Err(_), true) => i64::MIN,
    }
}

fn parse_nanos(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.len() + fraction.len() > MAX_DIGITS {
        return None;
    }
    let (binary_bits, decimal_exponent) = scale(suffix)?;
    if let ("", 1..=18, -9..=9) = (fraction, whole.len(), decimal_exponent) {
        let units = whole.parse::<u64>().ok()?;
        let multiplier = i128::from(10u64.pow((decimal_exponent + 9) as u32));
        let magnitude = (i128::from(units) << binary_bits).saturating_mul(multiplier).min(MAX);
        return Some(if negative { -magnitude } else { magnitude });
    }
    let digits = format!("{whole}{fraction}");
    let exponent = i64::from(decimal_exponent) - i64::try_from(fraction.len()).ok()? + 9;
    let magnitude = magnitude(&digits, exponent, binary_bits);
    Some(if negative { -magnitude } else { magnitude })
}

/// `digits × 10^exponent × 2^bits`, rounded up to a whole number and capped at [`MAX`].
fn magnitude(digits: &str, exponent: i64, bits: u32) -> i128 {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    let length = digits.len() as i64;
    if length + exponent > 30 {
        return MAX;
    }
    // 2^bits is below 10^19, so anything this small stays below one nano unit.
    if length + exponent < -20 {
        return 1;
    }
    let multiplier = num_pow2(bits);
    let shift = (-exponent).max(0) as usize;
    let (integer, rest) = digits.split_at(digits.len().saturating_sub(shift));
    let integer: i128 = integer.parse().unwrap_or(0);
    let mut total = integer.saturating_mul(multiplier);
    if exponent > 0 {
        total = total.saturating_mul(10i128.saturating_pow(exponent as u32));
    }
    total.saturating_add(fraction_times(rest, shift, multiplier)).min(MAX)
}

/// `0.rest × multiplier` (the rest has `places` decimal places), rounded up, by long multiplication on digits.
fn fraction_times(rest: &str, places: usize, multiplier: i128) -> i128 {
    let padded = format!("{rest:0>places$}");
    let mut carry: i128 = 0;
    let mut inexact = false;
    for digit in padded.bytes().rev() {
        let value = i128::from(digit - b'0') * multiplier + carry;
        inexact |= value % 10 != 0;
        carry = value / 10;
    }
    carry + i128::from(inexact)
}

fn num_pow2(bits: u32) -> i128 {
    1i128 << bits
}

/// The power of two and the power of ten that a suffix stands for.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => (0, exponent(suffix)?),
    })
}

fn exponent(suffix: &str) -> Option<i32> {
    let number = suffix.strip_prefix(['e', 'E'])?;
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse().ok()
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quantity({})", self.text)
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self { nanos: 0, text: "0".into() }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl std::hash::Hash for Quantity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Quantity;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                Quantity::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::{Quantity, milli_value, short_bytes};

    fn nanos(text: &str) -> i128 {
        Quantity::parse(text).unwrap_or_else(|error| panic!("{error}")).nanos()
    }

    #[test]
    fn bytes_are_short_and_never_rounded_up() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (45 << 30, "45Gi"),
            (1536 << 20, "1.5Gi"),
            ((1 << 30) + 1, "1.0Gi"),
            ((10 << 30) - 1, "9.9Gi"),
            ((1 << 40) - 1, "1023.9Gi"),
            (i64::MAX, "7.9Ei"),
        ] {
            assert_eq!(short_bytes(bytes), text);
        }
    }

    #[test]
    fn suffixes_and_exponents_scale() {
        for (text, expected) in [
            ("0", 0),
            ("1", 1_000_000_000),
            ("100m", 100_000_000),
            ("1u", 1000),
            ("1n", 1),
            ("1.5", 1_500_000_000),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            ("1Ki", 1024 * 1_000_000_000),
            ("1.5Gi", 1_610_612_736 * 1_000_000_000),
            ("1k", 1_000_000_000_000),
            ("1e3", 1_000_000_000_000),
            ("1E3", 1_000_000_000_000),
            ("1E", 1_000_000_000_000_000_000_000_000_000),
            ("1e-3", 1_000_000),
            ("-1Ki", -1024 * 1_000_000_000),
            ("+7", 7_000_000_000),
            ("9007199254740993", 9_007_199_254_740_993_000_000_000),
            ("000.000001Ki", 1_024_000),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_below_a_nano_rounds_up_and_what_is_too_large_is_capped() {
        assert_eq!(nanos("0.0000000001"), 1);
        assert_eq!(nanos("1e-100"), 1);
        assert_eq!(nanos("-0.1n"), -1);
        let cap = i128::from(i64::MAX) * 1_000_000_000;
        for text in ["9223372036854775808", "8Ei", "100E", "1e100", "1e999999999"] {
            assert_eq!(nanos(text), cap, "{text}");
        }
    }

    #[test]
    fn values_round_up_as_upstream() {
        let quantity = |text: &str| Quantity::parse(text).unwrap_or_default();
        assert_eq!(quantity("1500m").value(), 2);
        assert_eq!(quantity("1n").value(), 1);
        assert_eq!(quantity("-1500m").value(), -2);
        assert_eq!(milli_value(quantity("1u").nanos()), 1);
        assert_eq!(milli_value(quantity("2").nanos()), 2000);
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "-", ".", "Ki", "1.2.3", "1 Gi", "1GiB", "1Kib", "e3", "1e", "1e+", "0x10", "1eE3", "１"] {
            assert!(Quantity::parse(text).is_err(), "{text:?}");
        }
        assert!(Quantity::parse(&"9".repeat(10_000)).is_err());
    }

    #[test]
    fn bytes_are_written_with_a_binary_suffix_where_that_is_exact() {
        assert_eq!(Quantity::bytes(45 << 30).to_string(), "45Gi");
        assert_eq!(Quantity::bytes(1000).to_string(), "1000");
        assert_eq!(Quantity::bytes(0).to_string(), "0");
        assert_eq!(Quantity::bytes(3 << 9).to_string(), "1536");
    }
}
