//! `resource.Quantity` with the form in which the server writes it (`apimachinery/pkg/api/resource/quantity.go`).

use std::fmt;

use serde_json::Value;

use crate::model::Quantity;

/// Nano units in one unit.
const NANO: i128 = 1_000_000_000;

/// What the server says of a text that is no quantity (`quantity.go`, ErrFormatWrong).
pub(crate) const FORMAT_WRONG: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// How an amount is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Decimal,
    Binary,
    Exponent,
}

/// An amount with the form in which it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    /// Nano units.
    pub(crate) nanos: i128,
    form: Form,
}

impl Amount {
    /// Nothing, which takes the form of what is added to it.
    pub(crate) const ZERO: Self = Self { nanos: 0, form: Form::Decimal };

    /// A count.
    pub(crate) fn count(count: i64) -> Self {
        Self { nanos: i128::from(count) * NANO, form: Form::Decimal }
    }

    /// Reads a text or number of JSON.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text.trim()),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Reads a text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let nanos = Quantity::parse(text).ok()?.nanos();
        let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
        let form = match suffix.as_bytes() {
            [_, b'i', ..] => Form::Binary,
            [b'e' | b'E', _, ..] => Form::Exponent,
            _ => Form::Decimal,
        };
        Some(Self { nanos, form })
    }

    /// The value in whole units, rounded up.
    pub(crate) fn value(self) -> i64 {
        crate::model::quantity::value(self.nanos)
    }

    /// The sum, in the form of the first that isn't nothing.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        let form = if self.nanos == 0 { other.form } else { self.form };
        Self { nanos: crate::model::quantity::sum(self.nanos, other.nanos), form }
    }

    /// The difference, in the form of the first that isn't nothing.
    #[must_use]
    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(Self { nanos: -other.nanos, form: other.form })
    }

    /// The larger of two.
    #[must_use]
    pub(crate) fn max(self, other: Self) -> Self {
        if other.nanos > self.nanos { other } else { self }
    }

    fn binary(self) -> bool {
        self.form == Form::Binary && self.nanos.abs() >= 1024 * NANO && self.nanos % NANO == 0
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl fmt::Display for Amount {
    /// The canonical form (`CanonicalizeBytes`): the largest suffix that keeps the number whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.binary() {
            let (mut number, mut step) = (self.nanos / NANO, 0);
            while number % 1024 == 0 && step < 6 {
                (number, step) = (number / 1024, step + 1);
            }
            let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].get(step).copied().unwrap_or_default();
            return write!(f, "{number}{suffix}");
        }
        let (mut number, mut step) = (self.nanos, 0);
        while number % 1000 == 0 && step < 9 {
            (number, step) = (number / 1000, step + 1);
        }
        if self.form == Form::Exponent {
            let exponent = 3 * i64::try_from(step).unwrap_or(0) - 9;
            return if exponent == 0 { write!(f, "{number}") } else { write!(f, "{number}e{exponent}") };
        }
        let suffix = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"].get(step).copied().unwrap_or_default();
        write!(f, "{number}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_the_server_writes_them() {
        for (text, shown) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("2000", "2k"),
            ("1500m", "1500m"),
            ("512Ki", "512Ki"),
            ("1023", "1023"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("100", "100"),
            ("0Gi", "0"),
            ("-1Gi", "-1Gi"),
            ("1Ei", "1Ei"),
            ("0.1Gi", "107374182400m"),
        ] {
            assert_eq!(Amount::parse(text).unwrap().to_string(), shown, "{text}");
        }
        assert!(Amount::parse("1 Gi").is_none());
    }

    #[test]
    fn a_sum_has_the_form_of_the_first_that_is_not_nothing() {
        let amount = |text| Amount::parse(text).unwrap();
        assert_eq!(Amount::ZERO.plus(amount("512Mi")).plus(amount("512Mi")).to_string(), "1Gi");
        assert_eq!(amount("1000").plus(amount("1Ki")).to_string(), "2024");
        assert_eq!(amount("1Gi").minus(amount("1Gi")).to_string(), "0");
    }
}
