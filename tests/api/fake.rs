//! An API server in this process: lists of given objects, and any fault in their place.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzEncoder;
use serde_json::{Value, json};
use storagewhy::model::Kind;
use storagewhy::source::live::Options;

/// How long a server that hangs or trickles keeps its connections.
const FOREVER: Duration = Duration::from_secs(30);

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// The resource that is listed.
    pub(crate) fn resource(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The namespace of the path.
    pub(crate) fn namespace(&self) -> Option<&str> {
        let mut parts = self.path.split('/').skip_while(|part| *part != "namespaces").skip(1);
        let namespace = parts.next();
        parts.next().and(namespace)
    }

    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// What a request gets.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status and a body.
    Body(u16, String),
    /// 200 with a compressed body.
    Gzip(Vec<u8>),
    /// A redirect.
    Redirect(String),
    /// 503 with a wish to wait, in seconds.
    Busy(u64),
    /// Half of what was announced, then the end.
    Truncated(String),
    /// Nothing, ever.
    Hang,
    /// Half of a body, then nothing, ever.
    Stall(String),
    /// A byte now and then, for ever.
    Trickle,
    /// The end of the connection.
    Close,
}

impl Answer {
    /// A `Status` object, as the API server sends with an error.
    pub(crate) fn status(code: u16, message: &str) -> Self {
        Answer::Body(code, json!({"kind": "Status", "status": "Failure", "message": message, "code": code}).to_string())
    }

    /// 403 as the API server says it.
    pub(crate) fn forbidden(request: &Request) -> Self {
        Self::status(403, &format!("{} is forbidden: User \"eve\" cannot list it", request.resource()))
    }

    /// 404 as the API server says it for a group or version that it doesn't serve.
    pub(crate) fn not_served() -> Self {
        Answer::Body(404, "404 page not found\n".to_owned())
    }

    /// A compressed body.
    pub(crate) fn gzip(body: &str) -> Self {
        let mut compressed = Vec::new();
        GzEncoder::new(body.as_bytes(), Compression::fast()).read_to_end(&mut compressed).unwrap();
        Answer::Gzip(compressed)
    }

    /// What a proxy or login page sends.
    pub(crate) fn page(code: u16) -> Self {
        Answer::Body(code, "<!DOCTYPE html>\n<html><body>Please log in</body></html>".to_owned())
    }
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// The server; its threads end with the process.
pub(crate) struct FakeApi {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl FakeApi {
    /// Serves the objects; where `fault` has an answer, that one is sent instead.
    pub(crate) fn start(
        objects: Vec<(Kind, Value)>,
        fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Arc::new(move |request| fault(request).unwrap_or_else(|| list(&objects, request))))
    }

    fn serve(handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
                thread::spawn(move || converse(stream, &*handler, &seen));
            }
        });
        Self { address, requests }
    }

    /// Where the server listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Options that reach the server.
    pub(crate) fn options(&self, deadline: Duration) -> Options {
        Options { server: Some(self.url()), request_timeout: Some(deadline), ..Options::default() }
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The requests for a resource so far.
    pub(crate) fn requests_for(&self, resource: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.resource() == resource).collect()
    }
}

fn converse(mut stream: TcpStream, handler: &Handler, seen: &Mutex<Vec<Request>>) {
    let Ok(clone) = stream.try_clone() else { return };
    let mut reader = BufReader::new(clone);
    while let Some(request) = read_request(&mut reader) {
        seen.lock().unwrap().push(request.clone());
        if !send(&mut stream, handler(&request)) {
            return;
        }
    }
    write(&mut stream, &[b"HTTP/1.0 400 Bad Request\r\n\r\n"]);
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut first = lines.first()?.split(' ').map(ToOwned::to_owned);
    let (method, target) = (first.next()?, first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path: path.to_owned(),
        query: pairs.map(|(key, value)| (key.to_owned(), unescape(value))).collect(),
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

fn unescape(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            b'+' => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).unwrap()
}

/// Sends an answer; says whether the connection goes on.
fn send(stream: &mut TcpStream, answer: Answer) -> bool {
    let head = |length: usize, extra: &str, status: u16| {
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{extra}content-length: {length}\r\n\r\n")
    };
    match answer {
        Answer::Body(status, body) => write(stream, &[head(body.len(), "", status).as_bytes(), body.as_bytes()]),
        Answer::Gzip(body) => write(stream, &[head(body.len(), "content-encoding: gzip\r\n", 200).as_bytes(), &body]),
        Answer::Redirect(to) => write(stream, &[head(0, &format!("location: {to}\r\n"), 302).as_bytes()]),
        Answer::Busy(seconds) => write(stream, &[head(0, &format!("retry-after: {seconds}\r\n"), 503).as_bytes()]),
        Answer::Truncated(body) => {
            write(stream, &[head(body.len(), "", 200).as_bytes(), &body.as_bytes()[..body.len() / 2]]);
            false
        }
        Answer::Hang => {
            thread::sleep(FOREVER);
            false
        }
        Answer::Stall(body) => {
            write(stream, &[head(body.len(), "", 200).as_bytes(), &body.as_bytes()[..body.len() / 2]]);
            thread::sleep(FOREVER);
            false
        }
        Answer::Trickle => {
            write(stream, &[head(1 << 30, "", 200).as_bytes()]);
            while write(stream, &[b" "]) {
                thread::sleep(Duration::from_millis(100));
            }
            false
        }
        Answer::Close => false,
    }
}

fn write(stream: &mut TcpStream, parts: &[&[u8]]) -> bool {
    parts.iter().all(|part| stream.write_all(part).is_ok())
}

/// Lists objects as the API server does: by resource and namespace, in pages.
fn list(objects: &[(Kind, Value)], request: &Request) -> Answer {
    if request.path == "/version" {
        return Answer::Body(200, json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2"}).to_string());
    }
    let Some(kind) = Kind::ALL.iter().copied().find(|kind| kind.plural() == request.resource()) else {
        return Answer::not_served();
    };
    let inside = |object: &Value| request.namespace().is_none_or(|name| object["metadata"]["namespace"] == name);
    let all: Vec<&Value> =
        objects.iter().filter(|(of, object)| *of == kind && inside(object)).map(|(_, o)| o).collect();
    let number = |name: &str| request.query.get(name).and_then(|value| value.parse::<usize>().ok());
    let start = number("continue").unwrap_or(0).min(all.len());
    let end = number("limit").map_or(all.len(), |limit| (start + limit).min(all.len()));
    let next = if end < all.len() { end.to_string() } else { String::new() };
    Answer::Body(200, page(kind, &all[start..end], &next))
}

/// A list with a token for the next page.
pub(crate) fn page(kind: Kind, items: &[&Value], next: &str) -> String {
    let metadata = json!({"resourceVersion": "7", "continue": next});
    json!({"kind": format!("{}List", kind.name()), "apiVersion": "v1", "metadata": metadata, "items": items})
        .to_string()
}
