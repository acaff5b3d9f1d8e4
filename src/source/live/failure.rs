//! What went wrong with a request, in plain words.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::snapshot::Problem;
use crate::source::SourceError;

/// The longest text of a server that messages quote, in characters.
const LONGEST_QUOTE: usize = 200;

/// Why a request gave no objects.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failure {
    /// 401.
    Unauthorized,
    /// 403, with the server's message.
    Forbidden(String),
    /// 404.
    NotFound,
    /// 410: the list cannot be continued.
    Expired,
    /// Another status, with the server's message and how long it asks to wait.
    Status(u16, String, Option<Duration>),
    /// 3xx.
    Redirect(u16),
    /// A web page in place of an answer.
    Page(u16),
    /// No connection could be made.
    Unreachable(String),
    /// The connection broke.
    Interrupted(String),
    /// The server said nothing for this long.
    Silent(Duration),
    /// The deadline of the run, this long, passed first.
    Late(Duration),
    /// The answer is larger than this many bytes.
    TooLarge(usize),
    /// There are more objects than this many, which were kept.
    TooMany(usize),
    /// The answer is not what it should be.
    Malformed(String),
}

impl Failure {
    /// From a request that got no response.
    pub(super) fn of_request(error: &kube::Error) -> Self {
        let mut causes = Vec::new();
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        let all = causes.join(": ");
        let last = causes.last().map_or("", String::as_str);
        let certificate = all.split_once("invalid peer certificate: ").map(|(_, cause)| cause);
        if let Some(cause) = certificate {
            Failure::Unreachable(format!("its certificate is not accepted: {}", certificate_fault(cause)))
        } else if all.contains("dns error") {
            Failure::Unreachable("its host name cannot be resolved".to_owned())
        } else if all.contains("InvalidContentType") {
            Failure::Unreachable("it does not speak TLS".to_owned())
        } else if all.contains("tls handshake eof") {
            Failure::Unreachable("it broke off the TLS handshake".to_owned())
        } else if all.contains("deadline has elapsed") {
            Failure::Unreachable("the connection timed out".to_owned())
        } else if all.contains("(Connect)") {
            Failure::Unreachable(quote(strip_code(last)))
        } else {
            Failure::Interrupted(quote(strip_code(last)))
        }
    }

    /// From a response that is not a success.
    pub(super) fn of_status(status: u16, wait: Option<Duration>, body: &str) -> Self {
        let page = is_page(body);
        match status {
            401 => Failure::Unauthorized,
            300..=399 => Failure::Redirect(status),
            _ if page => Failure::Page(status),
            403 => Failure::Forbidden(message(body)),
            404 => Failure::NotFound,
            410 => Failure::Expired,
            _ => Failure::Status(status, message(body), wait),
        }
    }

    /// Whether the same request may well succeed a moment later.
    pub(super) fn passing(&self) -> bool {
        match self {
            Failure::Status(status, ..) | Failure::Page(status) => matches!(status, 429 | 500 | 502 | 503 | 504),
            Failure::Interrupted(_) => true,
            _ => false,
        }
    }

    /// How long the server asks to wait.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Failure::Status(_, _, wait) => *wait,
            _ => None,
        }
    }

    /// Whether the server cannot be reached at all, as far as this request tells.
    pub(super) fn no_contact(&self) -> bool {
        matches!(self, Failure::Unreachable(_) | Failure::Silent(_))
    }

    /// What the failure means for a kind's coverage.
    pub(super) fn problem(&self) -> Problem {
        match self {
            Failure::Unauthorized | Failure::Forbidden(_) => Problem::Forbidden,
            Failure::NotFound => Problem::NotServed,
            other => Problem::Failed(other.to_string()),
        }
    }

    /// The error of a run in which nothing could be read.
    pub(super) fn fatal(&self, server: &str) -> SourceError {
        let message = match self {
            Failure::Unauthorized => format!("the API server at {server} refused the credentials (401)"),
            Failure::Forbidden(message) if message.is_empty() => {
                format!("the API server at {server} forbids reading anything (403)")
            }
            Failure::Forbidden(message) => {
                format!("the API server at {server} forbids reading anything (403): {message}")
            }
            Failure::NotFound => format!("the server at {server} serves none of the Kubernetes API (404)"),
            Failure::Unreachable(cause) => format!("cannot reach the API server at {server}: {cause}"),
            other => format!("cannot read from the API server at {server}: {other}"),
        };
        let error = SourceError::unreadable(message);
        match self.hint() {
            Some(hint) => error.hinted(hint),
            None => error,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Failure::Unauthorized => Some("log in again, or choose another user or context"),
            Failure::Forbidden(_) => Some("docs/rbac.yaml lists the rights that reading takes"),
            Failure::NotFound => Some("is the server's address in the kubeconfig complete?"),
            Failure::Redirect(_) | Failure::Page(_) => Some("is a proxy or a login page between here and the server?"),
            Failure::Unreachable(cause) if cause.contains("certificate") => {
                Some("compare the kubeconfig's certificate-authority and server with the cluster's")
            }
            Failure::Unreachable(_) => Some("is the server up, and is its address in the kubeconfig right?"),
            Failure::Silent(_) | Failure::Late(_) => Some("--request-timeout gives it more time"),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unauthorized => f.write_str("the credentials were refused (401)"),
            Failure::Forbidden(_) => f.write_str("forbidden"),
            Failure::NotFound => f.write_str("not served"),
            Failure::Expired => f.write_str("the list expired while it was read (410)"),
            Failure::Status(status, message, _) if message.is_empty() => write!(f, "the server answered {status}"),
            Failure::Status(status, message, _) => write!(f, "the server answered {status}: {message}"),
            Failure::Redirect(status) => write!(f, "the server answered {status}, a redirect"),
            Failure::Page(status) => write!(f, "the server answered {status} with a web page, not with JSON"),
            Failure::Unreachable(cause) => write!(f, "no connection: {cause}"),
            Failure::Interrupted(cause) => write!(f, "the connection broke: {cause}"),
            Failure::Silent(time) => write!(f, "the server said nothing for {} s", time.as_secs_f32()),
            Failure::Late(time) => write!(f, "not read in full within {} s", time.as_secs_f32()),
            Failure::TooLarge(bound) => write!(f, "the answer is larger than {} MiB", bound.div_ceil(1 << 20)),
            Failure::TooMany(kept) => write!(f, "only the newest {kept} were kept"),
            Failure::Malformed(cause) => write!(f, "the answer cannot be understood: {cause}"),
        }
    }
}

/// Whether a body is a web page.
pub(super) fn is_page(body: &str) -> bool {
    body.trim_start().starts_with('<')
}

/// A text of the server, on one line and not too long.
pub(super) fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What is wrong with a certificate, from rustls' words.
fn certificate_fault(cause: &str) -> String {
    if cause.contains("UnknownIssuer") {
        "it is signed by an unknown authority".to_owned()
    } else if cause.contains("CaUsedAsEndEntity") {
        "it is an authority's own certificate, not a server's".to_owned()
    } else {
        quote(cause.split("; ").next().unwrap_or(cause))
    }
}

/// Drops the operating system's error number.
fn strip_code(text: &str) -> &str {
    text.split_once(" (os error ").map_or(text, |(text, _)| text)
}

/// The message of a `Status` object, or the text itself.
fn message(body: &str) -> String {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    match serde_json::from_str::<Status>(body) {
        Ok(status) => quote(&status.message),
        Err(_) if body.trim_start().starts_with('{') => String::new(),
        Err(_) => quote(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_a_page_in_between() {
        let status = r#"{"kind":"Status","message":"pods is forbidden","code":403}"#;
        assert_eq!(Failure::of_status(403, None, status), Failure::Forbidden("pods is forbidden".to_owned()));
        assert_eq!(Failure::of_status(403, None, " <html>"), Failure::Page(403));
        assert_eq!(Failure::of_status(404, None, "404 page not found\n"), Failure::NotFound);
        assert_eq!(Failure::of_status(404, None, "<!DOCTYPE html>"), Failure::Page(404));
        assert_eq!(Failure::of_status(401, None, "<html>"), Failure::Unauthorized);
        assert_eq!(Failure::of_status(302, None, ""), Failure::Redirect(302));
        assert_eq!(Failure::Page(404).problem(), Problem::Failed(Failure::Page(404).to_string()));
    }

    #[test]
    fn texts_of_the_server_stay_short_and_on_one_line() {
        let failure = Failure::of_status(500, None, &format!("line\nof {}", "x".repeat(1000)));
        let text = failure.to_string();
        assert!(text.starts_with("the server answered 500: line of xxx"), "{text}");
        assert!(text.chars().count() < 240 && text.ends_with('…'), "{text}");
    }

    #[test]
    fn only_passing_failures_are_tried_again() {
        for status in [429, 500, 502, 503, 504] {
            assert!(Failure::of_status(status, None, "").passing(), "{status}");
        }
        for status in [400, 401, 403, 404, 410, 501] {
            assert!(!Failure::of_status(status, None, "").passing(), "{status}");
        }
    }
}
