//! The schedule of a CronJob (`pkg/apis/batch/validation`, validateScheduleFormat; `robfig/cron/v3`, ParseStandard).

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, some_text, text};

/// Least, most and names of each of the five fields.
const FIELDS: [(u32, u32, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// Checks schedule and time zone.
pub(super) fn validate(spec: &Value, path: &Path, errors: &mut Errors) {
    let schedule = text(spec, "/schedule");
    if schedule.is_empty() {
        errors.required(&path.child("schedule"), "");
        return;
    }
    let place = path.child("schedule");
    if let Err(error) = parse(schedule) {
        errors.invalid(&place, schedule, &error);
    }
    match (schedule.contains("TZ"), some_text(spec, "/timeZone")) {
        (true, Some(_)) => {
            let detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
            errors.invalid(&place, schedule, detail);
        }
        (true, None) => {
            errors.invalid(&place, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
        }
        _ => {}
    }
    if at(spec, "/timeZone").and_then(Value::as_str) == Some("") {
        errors.invalid(&path.child("timeZone"), "", "timeZone must be nil or non-empty string");
    }
}

fn parse(schedule: &str) -> Result<(), String> {
    let schedule = match schedule.strip_prefix("TZ=").or_else(|| schedule.strip_prefix("CRON_TZ=")) {
        Some(rest) => rest.split_once(' ').map_or("", |(_, rest)| rest.trim()),
        None => schedule,
    };
    if schedule.starts_with('@') {
        return descriptor(schedule);
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let shown = fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>().join(" ");
        return Err(format!("expected exactly 5 fields, found {}: [{shown}]", fields.len()));
    }
    for (field, bounds) in fields.iter().zip(FIELDS) {
        for part in field.split(',').filter(|part| !part.is_empty()) {
            range(part, bounds)?;
        }
    }
    Ok(())
}

fn descriptor(schedule: &str) -> Result<(), String> {
    match schedule {
        "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly" => Ok(()),
        _ if schedule.starts_with("@every ") => Ok(()),
        _ => Err(format!("unrecognized descriptor: {schedule}")),
    }
}

/// `getRange`
fn range(part: &str, (least, most, names): (u32, u32, &[&str])) -> Result<(), String> {
    let steps: Vec<&str> = part.split('/').collect();
    let ends: Vec<&str> = steps.first().copied().unwrap_or_default().split('-').collect();
    let single = ends.len() == 1;
    let (start, mut end) = match ends.as_slice() {
        ["*" | "?", ..] => (least, most),
        [only] => number(only, names).map(|number| (number, number))?,
        [from, to] => (number(from, names)?, number(to, names)?),
        _ => return Err(format!("too many hyphens: {part}")),
    };
    let step = match steps.as_slice() {
        [_] => 1,
        [_, step] => {
            if single {
                end = if matches!(ends.first(), Some(&"*" | &"?")) { end } else { most };
            }
            plain(step)?
        }
        _ => return Err(format!("too many slashes: {part}")),
    };
    if start < least {
        return Err(format!("beginning of range ({start}) below minimum ({least}): {part}"));
    }
    if end > most {
        return Err(format!("end of range ({end}) above maximum ({most}): {part}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {part}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {part}"));
    }
    Ok(())
}

fn number(text: &str, names: &[&str]) -> Result<u32, String> {
    let base = u32::from(names.len() == 12);
    let named = names.iter().position(|name| *name == text.to_lowercase()).and_then(|place| u32::try_from(place).ok());
    named.map_or_else(|| plain(text), |place| Ok(place + base))
}

fn plain(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| {
        let quoted = super::super::field::quote(text);
        format!("failed to parse int from {text}: strconv.Atoi: parsing {quoted}: invalid syntax")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_the_server_reads_them() {
        for right in ["*/5 * * * *", "0 3 * * mon-fri", "@daily", "0 0 1,15 jan ?", "@every 1h"] {
            assert_eq!(parse(right), Ok(()), "{right}");
        }
        for (wrong, error) in [
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("@often", "unrecognized descriptor: @often"),
        ] {
            assert_eq!(parse(wrong), Err(error.to_owned()), "{wrong}");
        }
    }
}
