//! What a driver says of a failure, without the layers that other programs put around it.

use super::provision_failure;
use super::wrapping::unwrapped;

/// The longest text that is told, in characters.
const LONGEST: usize = 260;
/// Begins a gRPC error, followed by its code and ` desc = `.
const RPC_ERROR: &str = "rpc error: code = ";
/// Begins a string in Go's dump of a value, followed by its length and the string in quotes.
const DUMPED_STRING: &str = "(string) (len=";

/// The essential of an error: no gRPC layers, no dumps of Go values, one line, and no more than people read.
pub(crate) fn essential(message: &str) -> String {
    let plain = message.replace("\\\"", "\"");
    let plain = dumped(&plain).unwrap_or(plain);
    let bare = without_layers(&without_pointers(&plain));
    shortened(&unwrapped(&bare.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// The gRPC code of an error, such as `ResourceExhausted`: that of the innermost layer.
pub(crate) fn grpc_code(message: &str) -> Option<&str> {
    let (_, rest) = message.rsplit_once(RPC_ERROR)?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    (end > 0).then_some(&rest[..end])
}

/// What stands behind `… for volume "NAME" :` or `failed to process volumes=[NAME]:` in an event of the attach controller
/// or the kubelet.
pub(crate) fn cause(message: &str) -> &str {
    let named = message.split_once("for volume \"").and_then(|(_, rest)| rest.split_once('"'));
    let behind = named.map(|(_, rest)| rest.trim_start()).and_then(|rest| rest.strip_prefix(':'));
    let processed = || message.split_once("failed to process volumes=[").and_then(|(_, rest)| rest.split_once("]: "));
    behind.or_else(|| processed().map(|(_, behind)| behind)).map_or(message, str::trim)
}

/// A text in no more than about so many characters. Go puts what went wrong at the end of a chain of what was tried, so
/// a chain is cut in its middle.
pub(crate) fn both_ends(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let links: Vec<&str> = text.split(": ").filter(|link| *link != "…").collect();
    let size = |links: &[&str]| links.iter().map(|link| link.chars().count() + 2).sum::<usize>();
    let last = (1..links.len()).find(|at| size(&links[*at..]) <= longest * 2 / 3);
    let Some(last) = last else { return provision_failure::shortened(text, longest) };
    let first = (1..last).rfind(|end| size(&links[..*end]) <= longest / 3);
    match first {
        Some(first) => format!("{}: …: {}", links[..first].join(": "), links[last..].join(": ")),
        None => format!("…: {}", links[last..].join(": ")),
    }
}

/// What a mount program said, where a text has its command and arguments before it (`k8s.io/mount-utils`, mount_linux.go).
pub(crate) fn output(message: &str) -> &str {
    match message.split_once("\nOutput: ") {
        Some((_, said)) if !said.trim().is_empty() => said.trim(),
        _ => message,
    }
}

/// The last thing that a program said before it ended, without its logger's header: the last error that zap wrote, whose
/// stack trace follows it, else the last line with text in it.
pub(crate) fn last_line(message: &str) -> Option<String> {
    let mut lines = message.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.clone().find_map(zap_error).or_else(|| lines.next())?;
    let words = json_line(line).or_else(|| logged(line)).unwrap_or_else(|| structured(without_klog_header(line)));
    Some(essential(&words))
}

/// The words of a line that zap wrote for people to read: time, level, place and words, parted by tabs
/// (`go.uber.org/zap/zapcore`, consoleEncoder). Only those of errors.
fn zap_error(line: &str) -> Option<&str> {
    let mut fields = line.split('\t').skip(1);
    fields
        .next()
        .filter(|level| ["ERROR", "DPANIC", "PANIC", "FATAL"].contains(&level.to_ascii_uppercase().as_str()))?;
    let words = fields.next()?;
    if words.contains(".go:") { fields.next() } else { Some(words) }
}

/// The words of a line that a logger wrote as JSON, with the error that it names.
fn json_line(line: &str) -> Option<String> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
    let field = |names: [&str; 2]| names.iter().find_map(|name| fields.get(*name)?.as_str());
    match (field(["msg", "message"]), field(["err", "error"])) {
        (Some(words), Some(error)) if !words.contains(error) => Some(format!("{words}: {error}")),
        (words, error) => words.or(error).map(str::to_owned),
    }
}

/// `text: error`, from klog's structured `"text" err="error" key="value"`.
fn structured(line: &str) -> String {
    let parts = line.strip_prefix('"').and_then(|rest| rest.split_once("\" err=\""));
    match parts.and_then(|(text, rest)| Some((text, quoted(rest)?))) {
        Some((text, error)) => format!("{text}: {error}"),
        None => line.to_owned(),
    }
}

/// What stands before the next quotation mark that is not escaped.
fn quoted(rest: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.extend(chars.next()),
            other => text.push(other),
        }
    }
}

/// What stands behind `msg=` in a line of logrus, `time="…" level=fatal msg="…"`.
fn logged(line: &str) -> Option<String> {
    let (_, rest) = line.strip_prefix("time=")?.split_once(" msg=\"")?;
    quoted(rest)
}

/// The longest string in a dump of a Go value; the others are parts or names of it.
fn dumped(text: &str) -> Option<String> {
    let strings = text.match_indices(DUMPED_STRING).filter_map(|(at, found)| {
        let (length, rest) = text[at + found.len()..].split_once(") \"")?;
        let length: usize = length.parse().ok()?;
        let whole = rest.get(..length).filter(|_| rest[length..].starts_with('"'));
        whole.or_else(|| rest.split_once('"').map(|(string, _)| string))
    });
    strings.max_by_key(|string| string.len()).map(str::to_owned)
}

/// Takes `(*errors.errorString)(0xc0001234)` away, and the parentheses around what it points to.
fn without_pointers(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("(*") {
        let Some(after) = pointer_end(&rest[start..]) else { break };
        result.push_str(&rest[..start]);
        rest = &rest[start + after..];
        if let Some(inner) = rest.strip_prefix('(')
            && let Some((inside, behind)) = inner.split_once(')')
        {
            result.push_str(inside);
            rest = behind;
        }
    }
    result.push_str(rest);
    result
}

/// The length of `(*TYPE)(0xADDRESS)` at the start of a text.
fn pointer_end(text: &str) -> Option<usize> {
    let (kind, rest) = text.split_once(")(0x")?;
    let address = rest.find(')')?;
    let plain = kind.chars().skip(2).all(|c| c.is_ascii_alphanumeric() || "._/*-[]".contains(c));
    let hex = rest[..address].chars().all(|c| c.is_ascii_hexdigit());
    (plain && hex).then_some(kind.len() + ")(0x".len() + address + 1)
}

/// Takes `rpc error: code = X desc = ` away wherever it stands.
fn without_layers(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(RPC_ERROR) {
        let Some((code, inner)) = behind.split_once(" desc = ") else { break };
        if code.contains(' ') {
            break;
        }
        result.push_str(before);
        rest = inner;
    }
    result.push_str(rest);
    result
}

/// `E0102 03:04:05.678901       1 main.go:109] text` is told as `text`.
fn without_klog_header(line: &str) -> &str {
    let header = line.split_once("] ").filter(|(header, _)| {
        let mut chars = header.chars();
        let severity = chars.next().is_some_and(|c| "IWEF".contains(c));
        severity && chars.take(4).all(|c| c.is_ascii_digit()) && header.contains(".go:")
    });
    header.map_or(line, |(_, text)| text)
}

fn shortened(text: &str) -> String {
    let text = text.trim_end_matches(['.', ',', ';', ' ']);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) if !text.contains(": ") => format!("{}…", text[..end].trim_end()),
        Some(_) => both_ends(text, LONGEST),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_around_an_error_are_taken_away() {
        for (message, expected) in [
            ("rpc error: code = Internal desc = no slot", "no slot"),
            ("failed: rpc error: code = Internal desc = rpc error: code = NotFound desc = no disk", "failed: no disk"),
            ("no\n  such\tdisk", "no such disk"),
            ("rpc error: code = cut", "rpc error: code = cut"),
            ("a (*errors.errorString)(0xc0001a2b30)(no route) b", "a no route b"),
            ("a (*errors.errorString)(0xc0001a2b30)", "a"),
            ("a (*not a pointer) b", "a (*not a pointer) b"),
            (
                r#"failed to attach: "(*types.Fault)(0xc0005)({ Reason: (string) (len=4) \"busy\", Text: (string) (len=9) \"disk busy\" })". opId: "1""#,
                "disk busy",
            ),
            (r#"(string) (len=900) "cut off" and more"#, "cut off"),
            (r#"(string) (len=7) "a "b" c" and more"#, "a \"b\" c"),
            (r#"(string) (len=x) "kept""#, r#"(string) (len=x) "kept""#),
            ("", ""),
        ] {
            assert_eq!(essential(message), expected, "{message}");
        }
        let long = "ä".repeat(400);
        assert_eq!(essential(&long).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_chain_keeps_what_went_wrong() {
        let chain = "failed to start: failed to reach the server of the cluster: failed to dial: connection refused";
        assert_eq!(both_ends(chain, 200), chain);
        assert_eq!(both_ends(chain, 60), "failed to start: …: failed to dial: connection refused");
        assert_eq!(both_ends(chain, 30), "…: connection refused");
        assert_eq!(both_ends("no chain but many words that go on", 20), "no chain but many …");
    }

    #[test]
    fn the_code_is_the_innermost() {
        let message = "rpc error: code = Internal desc = rpc error: code = ResourceExhausted desc = full";
        assert_eq!(grpc_code(message), Some("ResourceExhausted"));
        assert_eq!(grpc_code("full"), None);
        assert_eq!(grpc_code("rpc error: code = "), None);
    }

    #[test]
    fn the_cause_stands_behind_the_volume() {
        assert_eq!(cause("AttachVolume.Attach failed for volume \"v\" : no slot"), "no slot");
        assert_eq!(cause("Multi-Attach error for volume \"v\" Volume is already used"), {
            "Multi-Attach error for volume \"v\" Volume is already used"
        });
        assert_eq!(cause("something else"), "something else");
    }

    #[test]
    fn the_last_line_is_told_without_its_header() {
        let log = "I0102 03:04:05.678901       1 main.go:12] \"Version\" version=\"v2\"\n\
                   E0102 03:04:06.678901       1 main.go:109] \"failed\" err=\"x\"\n\n";
        assert_eq!(last_line(log).as_deref(), Some("failed: x"));
        assert_eq!(last_line("panic: [a] b").as_deref(), Some("panic: [a] b"));
        let zap = "2026-01-02T03:04:05.678Z\tERROR\tsyncer/main.go:12\tno login\t{\"TraceId\": \"1\"}\nmain.main\n\t/build/main.go:3";
        assert_eq!(last_line(zap).as_deref(), Some("no login"));
        assert_eq!(last_line("2026-01-02T03:04:05Z\tINFO\tready\nmain.main").as_deref(), Some("main.main"));
        let json = r#"{"level":"error","msg":"no login","error":"refused"}"#;
        assert_eq!(last_line(json).as_deref(), Some("no login: refused"));
        assert_eq!(last_line(r#"{"a":1}"#).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(last_line(" \n"), None);
        let logrus = r#"time="2026-03-02T09:56:30Z" level=fatal msg="no \"iscsiadm\" here" node=n1"#;
        assert_eq!(last_line(logrus).as_deref(), Some("no \"iscsiadm\" here"));
        assert_eq!(last_line("time=1 msg=\"cut").as_deref(), Some("time=1 msg=\"cut"));
    }
}
