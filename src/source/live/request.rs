//! The only place that talks HTTP: GET, bounded in size and silence, tried again where that may help.

use std::cell::Cell;
use std::time::Duration;

use http::header::{ACCEPT, RETRY_AFTER, USER_AGENT};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tokio::time::timeout;

use super::failure::{Failure, is_page};
use super::options::Options;

/// The largest body of an error that is read.
const LARGEST_ERROR: usize = 64 << 10;

/// How often one request is tried again.
const RETRIES: u32 = 3;

/// How often requests are tried again in a run: a server that always fails is given up soon.
const RETRIES_OF_RUN: u32 = 24;

/// The pause before the first retry; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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
        let request = http::Request::get(path)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .body(Body::empty())
            .map_err(|error| Failure::Malformed(error.to_string()))?;
        let response = match timeout(self.silence, self.client.send(request)).await {
            Ok(response) => response.map_err(|error| Failure::of_request(&error))?,
            Err(_) => return Err(Failure::Silent(self.silence)),
        };
        self.answered.set(true);
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        if status.is_success() {
            let body = self.collect(response.into_body(), self.largest).await?;
            return if is_page(&body) { Err(Failure::Page(status.as_u16())) } else { Ok(body) };
        }
        let body = self.collect(response.into_body(), LARGEST_ERROR).await.unwrap_or_default();
        Err(Failure::of_status(status.as_u16(), wait.map(Duration::from_secs), &body))
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
