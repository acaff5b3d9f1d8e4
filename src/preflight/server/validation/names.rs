//! What names, label keys and values may look like, and what the server says where they don't
//! (`apimachinery/pkg/util/validation`, `pkg/api/validate/content`).

/// What is wrong with a text; nothing where it is fit.
pub(super) type Wrong = Vec<String>;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const KEY_MESSAGE: &str =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

fn too_long(most: usize) -> String {
    format!("must be no more than {most} characters")
}

fn pattern(message: &str, pattern: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{pattern}')", examples.join(" or "))
}

/// Whether a text has such characters alone, and such ones at its ends.
fn made_of(text: &str, inner: impl Fn(u8) -> bool, ends: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => ends(*first) && ends(*last) && bytes.iter().all(|b| inner(*b)),
        _ => false,
    }
}

fn small(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    made_of(text, |b| small(b) || b == b'-', small)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_key(text: &str) -> bool {
    made_of(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'), |b| b.is_ascii_alphanumeric())
}

/// `IsDNS1123Label`
pub(super) fn label(text: &str) -> Wrong {
    let mut wrong: Wrong = (text.len() > 63).then(|| too_long(63)).into_iter().collect();
    if !is_label(text) {
        wrong.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            let message = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                           start and end with an alphanumeric character";
            pattern(message, LABEL, &["my-name", "123-abc"])
        });
    }
    wrong
}

/// `IsDNS1123Subdomain`
pub(super) fn subdomain(text: &str) -> Wrong {
    let mut wrong: Wrong = (text.len() > 253).then(|| too_long(253)).into_iter().collect();
    if !is_subdomain(text) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                       must start and end with an alphanumeric character";
        wrong.push(pattern(message, &format!("{LABEL}(\\.{LABEL})*"), &["example.com"]));
    }
    wrong
}

/// `IsWildcardDNS1123Subdomain`
pub(super) fn wildcard(text: &str) -> Wrong {
    let mut wrong: Wrong = (text.len() > 253).then(|| too_long(253)).into_iter().collect();
    if !text.strip_prefix("*.").is_some_and(is_subdomain) {
        let message = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
                       consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        wrong.push(pattern(message, &format!("\\*\\.{LABEL}(\\.{LABEL})*"), &["*.example.com"]));
    }
    wrong
}

/// The rest of `IsDomainPrefixedPath`
pub(super) fn url_path(text: &str) -> Wrong {
    let valid = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b));
    let message = r"Invalid path (regex used for validation is '[A-Za-z0-9/\-._~%!$&'()*+,;=:]+')";
    (!valid).then(|| message.to_owned()).into_iter().collect()
}

/// `IsDNS1035Label`
pub(super) fn label_1035(text: &str) -> Wrong {
    let mut wrong: Wrong = (text.len() > 63).then(|| too_long(63)).into_iter().collect();
    if !is_label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        let message = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                       character, and end with an alphanumeric character";
        wrong.push(pattern(message, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    wrong
}

/// `IsLabelKey`, which is `IsQualifiedName`
pub(super) fn label_key(text: &str) -> Wrong {
    let (mut wrong, parts) = (Wrong::new(), text.split('/').collect::<Vec<_>>());
    let examples = ["MyName", "my.name", "123-abc"];
    let name = match parts.as_slice() {
        [name] => *name,
        ["", name] => {
            wrong.push("prefix part must be non-empty".to_owned());
            *name
        }
        [prefix, name] => {
            wrong.extend(subdomain(prefix).into_iter().map(|message| format!("prefix part {message}")));
            *name
        }
        _ => {
            let message = pattern(&format!("a valid label key {KEY_MESSAGE}"), KEY, &examples);
            return vec![format!(
                "{message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_key(name) {
        wrong.push(format!("name part {}", pattern(KEY_MESSAGE, KEY, &examples)));
    }
    wrong
}

/// `IsLabelValue`
pub(super) fn label_value(text: &str) -> Wrong {
    let mut wrong: Wrong = (text.len() > 63).then(|| "must be no more than 63 bytes".to_owned()).into_iter().collect();
    if !text.is_empty() && !is_key(text) {
        let message = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                       must start and end with an alphanumeric character";
        wrong.push(pattern(message, &format!("({KEY})?"), &["MyValue", "my_value", "12345"]));
    }
    wrong
}

/// `IsPathSegmentName`
pub(super) fn path_segment(text: &str) -> Wrong {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ['/', '%'].iter().filter(|c| text.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// `IsValidPortNum`
pub(super) fn port_number(port: i64) -> Wrong {
    in_range(port, 1, 65535)
}

/// `IsValidPortName`
pub(super) fn port_name(text: &str) -> Wrong {
    let mut wrong: Wrong = (text.len() > 15).then(|| too_long(15)).into_iter().collect();
    let checks = [
        (
            text.is_empty() || !text.bytes().all(|b| small(b) || b == b'-'),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (!text.bytes().any(|b| b.is_ascii_lowercase()), "must contain at least one letter (a-z)"),
        (text.contains("--"), "must not contain consecutive hyphens"),
        (text.starts_with('-') || text.ends_with('-'), "must not begin or end with a hyphen"),
    ];
    wrong.extend(checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, message)| message.to_owned()));
    wrong
}

/// `InclusiveRangeError`
pub(super) fn in_range(number: i64, least: i64, most: i64) -> Wrong {
    let outside = !(least..=most).contains(&number);
    outside.then(|| format!("must be between {least} and {most}, inclusive")).into_iter().collect()
}

/// `IsRelaxedEnvVarName`
pub(super) fn variable(text: &str) -> Wrong {
    let mut wrong: Wrong =
        text.is_empty().then(|| "environment variable name must be non-empty".to_owned()).into_iter().collect();
    if !text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=') {
        let message =
            "a valid environment variable name must consist only of printable ASCII characters other than '='";
        wrong.push(message.to_owned());
    }
    wrong
}

/// `IsConfigMapKey`
pub(super) fn config_key(text: &str) -> Wrong {
    let mut wrong: Wrong = (text.len() > 253).then(|| too_long(253)).into_iter().collect();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) {
        let message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        wrong.push(pattern(message, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    match text {
        "." => wrong.push("must not be '.'".to_owned()),
        ".." => wrong.push("must not be '..'".to_owned()),
        text if text.starts_with("..") => wrong.push("must not start with '..'".to_owned()),
        _ => {}
    }
    wrong
}

/// `IsValidPercent`
pub(super) fn percent(text: &str) -> Wrong {
    let valid =
        text.strip_suffix('%').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    let message = "a valid percent string must be a numeric string followed by an ending '%'";
    (!valid).then(|| pattern(message, "[0-9]+%", &["1%", "93%"])).into_iter().collect()
}

/// `IsHTTPHeaderName`
pub(super) fn header(text: &str) -> Wrong {
    let valid = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let message = "a valid HTTP header must consist of alphanumeric characters or '-'";
    (!valid).then(|| pattern(message, "[-A-Za-z0-9]+", &["X-Header-Name"])).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_wrong_are_told_with_the_pattern() {
        assert_eq!(
            label("My_App"),
            [
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
              with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
              '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            ]
        );
        assert_eq!(label("a.b"), ["must not contain dots"]);
        assert_eq!(label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        assert_eq!(
            subdomain("Web"),
            [
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
              and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
              '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ]
        );
        assert_eq!(
            label_value("a b"),
            [
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start \
              and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation \
              is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            ]
        );
        assert_eq!(label_key("/a"), ["prefix part must be non-empty"]);
        assert_eq!(
            label_1035("1a").len() + port_name("-").len() + in_range(0, 1, 2).len() + variable("a=").len(),
            1 + 2 + 1 + 1
        );
        for fit in ["app", "a-1", "0a"] {
            assert!(label(fit).is_empty() && label_key(fit).is_empty() && subdomain(fit).is_empty(), "{fit}");
        }
        assert!(label_key("example.com/MyName").is_empty() && label_value("").is_empty());
    }
}
