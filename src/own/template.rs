//! Texts with expressions in braces.

use super::language::{Facts, Fault, Flaw, Key, Meter, Program, Scope, Value, compile, evaluate};
use crate::diagnosis::command::argument;

/// Bytes that a template may have.
const LENGTH: usize = 4096;
/// Expressions in a template.
const PARTS: usize = 32;
/// Characters of a text that was made from a template.
const SHOWN: usize = 600;

/// A text with expressions in it.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Expression(Program),
}

impl Template {
    /// Reads a template: `{expression}`, and `{{` and `}}` for braces.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(source: &str, scope: &Scope<'_>) -> Result<Self, Flaw> {
        let flaw = |at: usize, message: &str| Flaw { at, message: message.to_owned() };
        let chars: Vec<char> = source.trim_end().chars().collect();
        if source.len() > LENGTH {
            return Err(flaw(0, "the text is longer than 4096 bytes"));
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        while let Some(c) = chars.get(at).copied() {
            match (c, chars.get(at + 1)) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    text.push(c);
                    at += 2;
                }
                ('{', _) => {
                    let end = end_of(&chars, at + 1).ok_or_else(|| flaw(at, "the { has no }"))?;
                    let inner: String = chars.get(at + 1..end).unwrap_or_default().iter().collect();
                    let program = compile(&inner, scope)
                        .map_err(|wrong| Flaw { at: at + 1 + wrong.at, message: wrong.message })?;
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(Part::Expression(program));
                    at = end + 1;
                }
                ('}', _) => return Err(flaw(at, "the } has no {; }} is a brace")),
                (c, _) if c.is_control() && c != '\n' => return Err(flaw(at, "a control character")),
                ('\n', _) => {
                    text.push(' ');
                    at += 1;
                }
                (c, _) => {
                    text.push(c);
                    at += 1;
                }
            }
        }
        parts.push(Part::Text(text));
        if parts.len() > 2 * PARTS {
            return Err(flaw(0, "the text has more than 32 expressions"));
        }
        Ok(Self { parts })
    }

    /// The same for a command: expressions become words of their own or parts of one, and so can't stand in quotes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse_command(source: &str, scope: &Scope<'_>) -> Result<Self, Flaw> {
        let flaw = |message: &str| Flaw { at: 0, message: message.to_owned() };
        if source.trim_end().contains('\n') {
            return Err(flaw("a command is one line"));
        }
        let template = Self::parse(source, scope)?;
        let mut quote = None;
        let mut escaped = false;
        for part in &template.parts {
            let Part::Text(text) = part else {
                if quote.is_some() || escaped {
                    return Err(flaw("an expression can't stand within quotes: it is quoted as a word of the shell"));
                }
                continue;
            };
            for c in text.chars() {
                match (quote, c) {
                    _ if escaped => escaped = false,
                    (None | Some('"'), '\\') => escaped = true,
                    (None, '\'' | '"') => quote = Some(c),
                    (Some(open), c) if open == c => quote = None,
                    (None, '#') | (_, '`') => return Err(flaw("a command has neither comments nor backquotes")),
                    _ => {}
                }
            }
        }
        if quote.is_some() { Err(flaw("a quote is not closed")) } else { Ok(template) }
    }

    /// The expressions.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &Program> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expression(program) => Some(program),
            Part::Text(_) => None,
        })
    }

    /// The text with the values of its expressions.
    ///
    /// # Errors
    /// Where one has no value.
    pub(crate) fn fill(&self, facts: &dyn Facts, meter: &mut Meter) -> Result<String, Fault> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Expression(program) => filled.push_str(&shown(&evaluate(program, facts, meter)?, meter)?),
            }
        }
        let filled = filled.trim();
        Ok(match filled.char_indices().nth(SHOWN) {
            Some((cut, _)) => format!("{}…", &filled[..cut]),
            None => filled.to_owned(),
        })
    }

    /// The command with the values of its expressions; `None` where one can't be a word of a command safely.
    ///
    /// # Errors
    /// Where one has no value.
    pub(crate) fn fill_command(&self, facts: &dyn Facts, meter: &mut Meter) -> Result<Option<String>, Fault> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Expression(program) => match argument(&shown(&evaluate(program, facts, meter)?, meter)?) {
                    Some(word) => filled.push_str(&word),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(filled.trim().to_owned()))
    }
}

/// A value as people read it: a list of names is told as names.
pub(crate) fn shown(value: &Value, meter: &mut Meter) -> Result<String, Fault> {
    let names = match value {
        Value::List(items) => items.iter().map(Value::as_text).collect::<Option<Vec<_>>>(),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| match (key, value) {
                (Key::Text(key), Value::Text(value)) => Some(format!("{key}={value}")),
                _ => None,
            });
            let entries: Option<Vec<String>> = entries.take(100).collect();
            return match entries.filter(|entries| !entries.is_empty()) {
                Some(entries) => super::language::shown(&Value::text(&entries.join(", ")), meter),
                None => super::language::shown(value, meter),
            };
        }
        _ => None,
    };
    match names {
        Some(names) => {
            let shown: Vec<&str> = names.iter().copied().take(100).collect();
            meter.make(shown.iter().map(|name| name.len() + 2).sum())?;
            let more = if names.len() > shown.len() {
                format!(" and {} more", names.len() - shown.len())
            } else {
                String::new()
            };
            Ok(format!("{}{more}", shown.join(", ")))
        }
        None => super::language::shown(value, meter),
    }
}

/// The place of the brace that ends an expression: braces in it and those in its texts are its own.
fn end_of(chars: &[char], from: usize) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in chars.iter().copied().enumerate().skip(from) {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;
    use crate::own::language::Variable;

    struct Named(&'static str);

    impl Facts for Named {
        fn variable(&self, _: Variable) -> Result<Value, Fault> {
            Ok(Value::map([
                ("name", Value::text(self.0)),
                ("list", Value::list(vec![Value::text("a"), Value::text("b")])),
            ]))
        }

        fn objects(&self, _: Kind, _: Option<&str>) -> Result<Value, Fault> {
            Err(Fault::wrong("none"))
        }

        fn find(&self, _: Kind, _: &str, _: &str) -> Result<Option<Value>, Fault> {
            Ok(None)
        }
    }

    const SCOPE: Scope<'static> = Scope { kind: Kind::Pod, it: None, has_field: &|_| true };

    fn filled(source: &str) -> Result<String, String> {
        let template = Template::parse(source, &SCOPE).map_err(|flaw| format!("{}: {}", flaw.at, flaw.message))?;
        template.fill(&Named("web"), &mut Meter::new(u64::MAX)).map_err(|fault| fault.to_string())
    }

    fn command(source: &str, name: &'static str) -> Result<Option<String>, String> {
        let template = Template::parse_command(source, &SCOPE).map_err(|flaw| flaw.message)?;
        template.fill_command(&Named(name), &mut Meter::new(u64::MAX)).map_err(|fault| fault.to_string())
    }

    #[test]
    fn expressions_in_braces_become_their_values() {
        assert_eq!(filled("pod {object.name} has {{}}").as_deref(), Ok("pod web has {}"));
        assert!(filled("{{'a': 1}").is_err_and(|flaw| flaw == "8: the } has no {; }} is a brace"));
        assert_eq!(filled("{ {'a': '}'}['a'] }\n").as_deref(), Ok("}"));
        assert_eq!(filled("has {object.list} and {1 + 1}").as_deref(), Ok("has a, b and 2"));
        assert_eq!(filled("two\nlines").as_deref(), Ok("two lines"));
        assert!(filled("a {object.name").is_err_and(|flaw| flaw.starts_with("2: ")));
        assert!(filled("a {nothing}").is_err_and(|flaw| flaw.starts_with("3: ")));
    }

    #[test]
    fn commands_have_values_as_quoted_words_only() {
        let told = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(command("kubectl get pod {object.name}", "a b; reboot"), told("kubectl get pod 'a b; reboot'"));
        assert_eq!(command("kubectl get pod {object.name}", "--all"), Ok(None));
        assert_eq!(command("kubectl get pod {object.name}", "a\nb"), Ok(None));
        assert_eq!(command("kubectl label pod {object.name} 'a={{b}}'", "x"), told("kubectl label pod x 'a={b}'"));
        for source in
            ["echo '{object.name}'", "echo \"{object.name}\"", "echo 'a", "a\nb", "a\\{object.name}", "a `b`", "a # b"]
        {
            assert!(command(source, "x").is_err(), "{source}");
        }
    }
}
