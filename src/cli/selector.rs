//! Label selectors as kubectl's `-l` takes them.

use crate::model::selector::{LabelSelector, Requirement};

/// Reads `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
///
/// # Errors
/// Where a part follows none of these forms.
pub(crate) fn parse(text: &str) -> Result<LabelSelector, String> {
    let requirements = split(text).into_iter().map(requirement).collect::<Result<Vec<_>, _>>()?;
    Ok(LabelSelector { match_expressions: requirements, ..LabelSelector::default() })
}

/// The parts between commas that stand outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let one = |key: &str, operator: &str, value: &str| build(part, key, operator, vec![value.trim().to_owned()]);
    if let Some(key) = part.strip_prefix('!') {
        return build(part, key, "DoesNotExist", Vec::new());
    }
    if let Some((key, value)) = part.split_once("!=") {
        return one(key, "NotIn", value);
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return one(key, "In", value);
    }
    match part.split_once('(') {
        Some((head, values)) => set(part, head, values),
        None => build(part, part, "Exists", Vec::new()),
    }
}

fn set(part: &str, head: &str, values: &str) -> Result<Requirement, String> {
    let values = values.strip_suffix(')').ok_or_else(|| wrong(part))?;
    let values = values.split(',').map(|value| value.trim().to_owned()).collect();
    match head.split_whitespace().collect::<Vec<_>>().as_slice() {
        [key, "in"] => build(part, key, "In", values),
        [key, "notin"] => build(part, key, "NotIn", values),
        _ => Err(wrong(part)),
    }
}

fn build(part: &str, key: &str, operator: &str, values: Vec<String>) -> Result<Requirement, String> {
    let key = key.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if key.is_empty() || !key.chars().all(allowed) || !values.iter().all(|value| value.chars().all(allowed)) {
        return Err(wrong(part));
    }
    Ok(Requirement { key: key.to_owned(), operator: operator.to_owned(), values })
}

fn wrong(part: &str) -> String {
    format!("`{part}` is not a label requirement; write app=vault, app!=vault, 'app in (a,b)', app or '!app'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_match_as_in_kubectl() {
        let labels = [("app", "vault"), ("tier", "db")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        for (text, matches) in [
            ("app=vault", true),
            ("app==vault,tier=db", true),
            ("app!=vault", false),
            ("zone!=a", true),
            ("app in (a, vault),tier", true),
            ("app notin (vault,b)", false),
            ("!zone", true),
            ("!app", false),
            ("zone", false),
        ] {
            assert_eq!(parse(text).unwrap().matches(&labels), matches, "{text}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["", "app in vault", "app in (a", "=x", "a b", "app=a b", "app,,tier"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
