//! The only place that talks HTTP: GET, bounded in size and silence, tried again where that may help; and writes that are
//! marked dry-run, asked once.

use std::cell::Cell;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT, WARNING};
use http::request::Builder;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tokio::time::timeout;

use super::failure::{Failure, is_page};
use super::options::Options;

/// The largest body of an error that is read.
const LARGEST_ERROR: usize = 64 << 10;

/// Warnings of one answer that are kept.
const MOST_WARNINGS: usize = 100;

/// How often one request is tried again.
const RETRIES: u32 = 3;

/// How often requests are tried again in a run: a server that always fails is given up soon.
const RETRIES_OF_RUN: u32 = 24;

/// The pause before the first retry; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What every write carries: the server tries it and stores nothing (`dryRun=All`), and is as strict as it is with kubectl.
const DRY_RUN: &str = "dryRun=All&fieldManager=kubectl-client-side-apply&fieldValidation=Strict";

/// A write.
pub(super) enum Write {
    /// POST of a new object.
    Create,
    /// PATCH with a strategic merge patch.
    Patch,
}

/// An answer of a server, whatever its status.
pub(super) struct Response {
    pub(super) status: u16,
    /// How long the server asks to wait.
    wait: Option<Duration>,
    /// The texts of its `Warning` headers.
    pub(super) warnings: Vec<String>,
    /// Of an error only what is not too large.
    pub(super) body: String,
}

#[cfg(test)]
impl Response {
    /// An answer without headers.
    pub(super) fn new(status: u16, body: String) -> Self {
        Self { status, wait: None, warnings: Vec::new(), body }
    }
}

/// An API server.
pub(super) struct Server {
    client: Client,
    silence: Duration,
    largest: usize,
    retries: Cell<u32>,
    answered: Cell<bool>,
}

impl Server {
    /// A server behind a client; the options say how long it may be silent and how large its answers may be.
    pub(super) fn new(client: Client, options: &Options) -> Self {
        let (silence, largest) = (options.silence(), options.largest_answer());
        Self { client, silence, largest, retries: Cell::new(RETRIES_OF_RUN), answered: Cell::new(false) }
    }

    /// Whether the server ever answered, whatever it said.
    pub(super) fn answered(&self) -> bool {
        self.answered.get()
    }

    /// The body of the answer to GET.
    pub(super) async fn get(&self, path: &str) -> Result<String, Failure> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..RETRIES {
            match self.get_once(path).await {
                Err(failure) if failure.passing() && self.retries.get() > 0 => {
                    self.retries.set(self.retries.get() - 1);
                    tokio::time::sleep(failure.wait().unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
        self.get_once(path).await
    }

    async fn get_once(&self, path: &str) -> Result<String, Failure> {
        let Response { status, wait, body, .. } = self.exchange(http::Request::get(path), Body::empty()).await?;
        match status {
            200..=299 if is_page(&body) => Err(Failure::Page(status)),
            200..=299 => Ok(body),
            _ => Err(Failure::of_status(status, wait, &body)),
        }
    }

    /// Has the server try a write without storing anything. No other function writes.
    pub(super) async fn dry_run(&self, write: Write, path: &str, body: String) -> Result<Response, Failure> {
        let target = format!("{path}?{DRY_RUN}");
        let request = match write {
            Write::Create => http::Request::post(target).header(CONTENT_TYPE, "application/json"),
            Write::Patch => http::Request::patch(target).header(CONTENT_TYPE, "application/strategic-merge-patch+json"),
        };
        self.exchange(request, Body::from(body.into_bytes())).await
    }

    async fn exchange(&self, request: Builder, body: Body) -> Result<Response, Failure> {
        let request = request
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .body(body)
            .map_err(|error| Failure::Malformed(error.to_string()))?;
        let response = match timeout(self.silence, self.client.send(request)).await {
            Ok(response) => response.map_err(|error| Failure::of_request(&error))?,
            Err(_) => return Err(Failure::Silent(self.silence)),
        };
        self.answered.set(true);
        let status = response.status();
        let header = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
        let wait = response.headers().get(RETRY_AFTER).and_then(header).and_then(|seconds| seconds.parse().ok());
        let warnings = response.headers().get_all(WARNING).iter().filter_map(header);
        let warnings = warnings.filter_map(|value| warning(&value)).take(MOST_WARNINGS).collect();
        let body = match status.is_success() {
            true => self.collect(response.into_body(), self.largest).await?,
            false => self.collect(response.into_body(), LARGEST_ERROR).await.unwrap_or_default(),
        };
        Ok(Response { status: status.as_u16(), wait: wait.map(Duration::from_secs), warnings, body })
    }

    async fn collect(&self, mut body: Body, bound: usize) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        loop {
            let frame = match timeout(self.silence, body.frame()).await {
                Ok(None) => return Ok(text(bytes)),
                Ok(Some(frame)) => frame.map_err(|error| broken(&error))?,
                Err(_) => return Err(Failure::Silent(self.silence)),
            };
            if let Some(data) = frame.data_ref() {
                if bytes.len() + data.len() > bound {
                    return Err(Failure::TooLarge(bound));
                }
                bytes.extend_from_slice(data);
            }
        }
    }
}

/// The text of a `Warning` header, as the server writes it: `299 - "text"` (`apimachinery/pkg/util/net`, NewWarningHeader).
fn warning(value: &str) -> Option<String> {
    let quoted = value.strip_prefix("299 - \"")?.strip_suffix('"')?;
    let mut letters = quoted.chars();
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        text.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    Some(text)
}

/// A body that breaks off is not a connection that could not be made, whatever the error says.
fn broken(error: &kube::Error) -> Failure {
    match Failure::of_request(error) {
        Failure::Unreachable(cause) => Failure::Interrupted(cause),
        other => other,
    }
}

/// The text of a body; bytes that are no text become marks, so that one object cannot spoil a list.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::warning;

    #[test]
    fn warnings_are_read_without_their_quotes() {
        assert_eq!(warning(r#"299 - "unknown field \"a\\b\"""#).as_deref(), Some("unknown field \"a\\b\""));
        assert_eq!(warning("110 - \"stale\""), None);
        assert_eq!(warning("nonsense"), None);
    }
}
