//! Kubernetes' library of quantities (`k8s.io/apiserver/pkg/cel/library/quantity.go`).

use std::sync::Arc;

use super::fault::Fault;
use super::functions::Function;
use super::value::Value;
use crate::model::Quantity;

/// Nano units in one unit.
const NANO: i128 = 1_000_000_000;

/// Calls a function of quantities; `None` where it is none, or the operands are others.
///
/// # Errors
/// Where a text is no quantity, or a quantity no integer.
pub(crate) fn call(function: Function, operands: &[Value]) -> Result<Option<Value>, Fault> {
    use Value::{Bool, Double, Int, Quantity as Amount, Text};
    let value = match (function, operands) {
        (Function::ToQuantity, [Text(text)]) => parsed(text)?,
        (Function::ToQuantity, [amount @ Amount(_)]) => amount.clone(),
        (Function::ToQuantity, [Int(units)]) => of_nanos(i128::from(*units) * NANO)?,
        (Function::IsQuantity, [value]) => Bool(value.as_text().is_some_and(|text| Quantity::parse(text).is_ok())),
        (Function::CompareTo, [Amount(a), Amount(b)]) => Int(a.nanos().cmp(&b.nanos()) as i64),
        (Function::IsLessThan, [Amount(a), Amount(b)]) => Bool(a.nanos() < b.nanos()),
        (Function::IsGreaterThan, [Amount(a), Amount(b)]) => Bool(a.nanos() > b.nanos()),
        (Function::AddQuantity, [Amount(a), other]) => of_nanos(a.nanos() + operand(other)?)?,
        (Function::SubtractQuantity, [Amount(a), other]) => of_nanos(a.nanos() - operand(other)?)?,
        (Function::Sign, [Amount(a)]) => Int(a.nanos().signum() as i64),
        (Function::IsInteger, [Amount(a)]) => Bool(a.nanos() % NANO == 0),
        (Function::AsInteger, [Amount(a)]) => match i64::try_from(a.nanos() / NANO) {
            Ok(units) if a.nanos() % NANO == 0 => Int(units),
            _ => return Err(Fault::wrong(format!("{a} is no integer"))),
        },
        (Function::AsApproximateFloat, [Amount(a)]) => Double(a.nanos() as f64 / NANO as f64),
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn parsed(text: &str) -> Result<Value, Fault> {
    let amount = Quantity::parse(text).map_err(|error| Fault::wrong(error.to_string()))?;
    Ok(Value::Quantity(Arc::new(amount)))
}

fn operand(value: &Value) -> Result<i128, Fault> {
    match value {
        Value::Quantity(amount) => Ok(amount.nanos()),
        Value::Int(units) => Ok(i128::from(*units) * NANO),
        value => Err(Fault::wrong(format!("a quantity can't be added to or taken from with a {}", value.kind()))),
    }
}

/// A quantity of so many nano units, written as Kubernetes would: in whole units where it can be.
fn of_nanos(nanos: i128) -> Result<Value, Fault> {
    match i64::try_from(nanos / NANO) {
        Ok(units) if nanos % NANO == 0 => Ok(Value::Quantity(Arc::new(Quantity::bytes(units)))),
        _ if nanos % 1_000_000 == 0 => parsed(&format!("{}m", nanos / 1_000_000)),
        _ => parsed(&format!("{nanos}n")),
    }
}
