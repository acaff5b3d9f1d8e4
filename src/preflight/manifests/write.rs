//! Values as YAML that is put into a manifest.

use serde_json::Value;

use super::scalar;

/// A value on one line; `json` where the document is JSON, whose texts are all quoted.
pub(super) fn inline(value: &Value, json: bool) -> String {
    match value {
        Value::String(text) => string(text, json),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| inline(item, json)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(key, value)| member(key, value, json)).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A key and its value on one line.
pub(super) fn member(key: &str, value: &Value, json: bool) -> String {
    format!("{}: {}", string(key, json), inline(value, json))
}

/// A key and its value as lines that stand below each other.
pub(super) fn lines_of_member(key: &str, value: &Value) -> Vec<String> {
    let key = string(key, false);
    match value {
        Value::Array(items) if !items.is_empty() => headed(format!("{key}:"), items.iter().flat_map(lines_of_item)),
        Value::Object(fields) if !fields.is_empty() => {
            headed(format!("{key}:"), fields.iter().flat_map(|(key, value)| lines_of_member(key, value)))
        }
        _ => vec![format!("{key}: {}", inline(value, false))],
    }
}

/// An item of a list as lines, with its dash.
pub(super) fn lines_of_item(value: &Value) -> Vec<String> {
    let lines: Vec<String> = match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|(key, value)| lines_of_member(key, value)).collect()
        }
        _ => vec![inline(value, false)],
    };
    let mark = |(index, line): (usize, String)| if index == 0 { format!("- {line}") } else { format!("  {line}") };
    lines.into_iter().enumerate().map(mark).collect()
}

/// A value as lines, for people.
pub(crate) fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) if !items.is_empty() => items.iter().flat_map(lines_of_item).collect(),
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|(key, value)| lines_of_member(key, value)).collect()
        }
        _ => vec![inline(value, false)],
    }
}

/// An object as a document of its own, without the line that parts it from others.
pub(super) fn document(object: &Value) -> String {
    let Value::Object(fields) = object else { return inline(object, false) };
    let first = ["apiVersion", "kind", "metadata"];
    let known = first.iter().filter_map(|key| fields.get_key_value(*key));
    let others = fields.iter().filter(|(key, _)| !first.contains(&key.as_str()));
    let lines: Vec<String> = known.chain(others).flat_map(|(key, value)| lines_of_member(key, value)).collect();
    lines.join("\n")
}

fn headed(head: String, lines: impl Iterator<Item = String>) -> Vec<String> {
    [head].into_iter().chain(lines.map(|line| format!("  {line}"))).collect()
}

/// A text as a scalar: plain where every reader of YAML takes it for a text, else in double quotes.
pub(super) fn string(text: &str, json: bool) -> String {
    if !json && plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether a text needs no quotes in YAML 1.1 and 1.2, between brackets and elsewhere. What begins with a digit may be a
/// number or a date to some.
fn plain(text: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let (first, last) = (text.chars().next(), text.chars().next_back());
    let amount = first.is_some_and(|c| c.is_ascii_digit()) && letter(last) && !text.contains('-');
    text.chars().all(safe)
        && (letter(first) || first == Some('/') || amount)
        && scalar::value(text, true, None).is_ok_and(|value| value.is_string())
}

/// A text in double quotes, as YAML and JSON both read it; what could break a line or a terminal is escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut units = [0; 2];
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii() && !c.is_control() || c.is_alphanumeric() => quoted.push(c),
            c => {
                for unit in c.encode_utf16(&mut units) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_quoted_where_some_reader_takes_them_for_something_else() {
        for plain in ["standard", "gp3", "10Gi", "500m", "a/b.c", "node-role.kubernetes.io/x", "/data"] {
            assert_eq!(string(plain, false), plain);
        }
        for other in [
            "",
            "yes",
            "No",
            "null",
            "~",
            "12",
            "1e3",
            "0x1F",
            "1_000",
            "017",
            "-x",
            "a: b",
            "a #b",
            "*a",
            "&a",
            "{{ x }}",
            "2024-01-02",
            "2024-01-02T",
            "12:30",
            "=",
            ".5",
            "@x",
            "a\nb",
            "\u{202e}x",
            "\u{2028}",
            "\u{1f600}",
        ] {
            let quoted = string(other, false);
            assert!(quoted.starts_with('"') && quoted.is_ascii(), "{quoted}");
            assert_eq!(scalar_of(&quoted), other);
        }
        assert_eq!(string("standard", true), "\"standard\"");
    }

    fn scalar_of(text: &str) -> String {
        let read = crate::preflight::manifests::read(&[crate::source::manifests::ManifestFile {
            name: "f".to_owned(),
            renderer: None,
            text: Ok(format!("kind: K\napiVersion: v1\nv: {text}\n")),
        }]);
        read.documents[0].object["v"].as_str().unwrap().to_owned()
    }

    #[test]
    fn values_stand_below_each_other_or_on_one_line() {
        let value = json!({"a": [{"b": 1, "c": "yes"}, "x"], "d": {}, "e": null});
        assert_eq!(inline(&value, false), "{a: [{b: 1, c: \"yes\"}, x], d: {}, e: null}");
        let lines = ["v:", "  a:", "    - b: 1", "      c: \"yes\"", "    - x", "  d: {}", "  e: null"];
        assert_eq!(lines_of_member("v", &value), lines);
    }
}
