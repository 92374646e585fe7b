//! A small HTTP server on loopback that answers from a script and remembers what it was asked.
//!
//! ```text
//! let server = Server::start(
//!     Routes::new()
//!         .page("/simple/a/", "<a href='../../files/a-1.0.whl'>a</a>")
//!         .file("/files/a-1.0.whl", bytes)                                        // ranges, suffix ranges, ETag
//!         .replies("/flaky", [Reply::status(503), Reply::text("now it works")])  // the last one repeats
//!         .route("/secret", |request, _| if request.header("authorization").is_some() { … } else { … }),
//! );
//! server.url("/simple/"); server.requests();
//! ```
//!
//! Every answer closes its connection. A path without a route is answered with 404.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// One request that the server got.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `GET`, `HEAD`, …
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    headers: BTreeMap<String, String>,
}

impl Request {
    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// How much of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Whole,
    HalfTheBody,
    Nothing,
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delivery: Delivery,
    length_stated: bool,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn status(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delivery: Delivery::Whole,
            length_stated: true,
        }
    }

    /// 200 with these bytes.
    pub(crate) fn bytes(content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            body: body.into(),
            ..Reply::status(200).with("Content-Type", content_type)
        }
    }

    /// 200 with a page.
    pub(crate) fn html(body: impl Into<Vec<u8>>) -> Reply {
        Reply::bytes("text/html; charset=utf-8", body)
    }

    /// 200 with an index page in JSON.
    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Reply {
        Reply::bytes("application/vnd.pypi.simple.v1+json", body)
    }

    /// A redirect.
    pub(crate) fn redirect(target: &str) -> Reply {
        Reply::status(302).with("Location", target)
    }

    /// The connection is closed without an answer.
    pub(crate) fn nothing() -> Reply {
        Reply {
            delivery: Delivery::Nothing,
            ..Reply::status(200)
        }
    }

    /// With another header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another value for a header.
    pub(crate) fn replace_header(mut self, name: &str, value: &str) -> Reply {
        self.headers.retain(|(other, _)| other != name);
        self.with(name, value)
    }

    /// The connection is closed after half the body.
    pub(crate) fn half(self) -> Reply {
        Reply {
            delivery: Delivery::HalfTheBody,
            ..self
        }
    }

    /// The length is not stated: the end of the connection is the end of the body.
    pub(crate) fn without_length(self) -> Reply {
        Reply {
            length_stated: false,
            ..self
        }
    }
}

type Handler = Box<dyn Fn(&Request, usize) -> Reply + Send + Sync>;

/// What is answered, by path.
#[derive(Default)]
pub(crate) struct Routes {
    routes: BTreeMap<String, Handler>,
}

impl Routes {
    /// Nothing is answered.
    pub(crate) fn new() -> Routes {
        Routes::default()
    }

    /// Answers by a function of the request and of how many there were for this path before.
    pub(crate) fn route(
        mut self,
        path: &str,
        handler: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
    ) -> Routes {
        self.routes.insert(path.to_owned(), Box::new(handler));
        self
    }

    /// Always the same answer.
    pub(crate) fn reply(self, path: &str, reply: Reply) -> Routes {
        self.route(path, move |_, _| reply.clone())
    }

    /// One answer after the other; the last one repeats.
    pub(crate) fn replies<const COUNT: usize>(self, path: &str, replies: [Reply; COUNT]) -> Routes {
        self.route(path, move |_, before| {
            replies[before.min(COUNT - 1)].clone()
        })
    }

    /// A page in HTML.
    pub(crate) fn page(self, path: &str, html: &str) -> Routes {
        self.reply(path, Reply::html(html))
    }

    /// A file, of which ranges can be had.
    pub(crate) fn file(self, path: &str, bytes: impl Into<Vec<u8>>) -> Routes {
        let bytes = bytes.into();
        self.route(path, move |request, _| ranged(request, &bytes, "\"1\""))
    }
}

/// An answer to a request for a file that may ask for a range.
pub(crate) fn ranged(request: &Request, bytes: &[u8], etag: &str) -> Reply {
    let whole = || {
        Reply::bytes("application/octet-stream", bytes)
            .with("ETag", etag)
            .with("Accept-Ranges", "bytes")
    };
    let unchanged = request.header("if-range").is_none_or(|known| known == etag);
    let Some(range) = request.header("range").filter(|_| unchanged) else {
        return whole();
    };
    let (first, last) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .unwrap();
    let size = bytes.len();
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, (last + 1).min(size)),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), Ok(length)) => (size.saturating_sub(length), size),
        (Err(_), Err(_)) => return Reply::status(400),
    };
    if start >= end {
        return Reply::status(416).with("Content-Range", &format!("bytes */{size}"));
    }
    let mut reply = whole().with(
        "Content-Range",
        &format!("bytes {start}-{}/{size}", end - 1),
    );
    reply.status = 206;
    reply.body = bytes[start..end].to_vec();
    reply
}

struct Shared {
    routes: BTreeMap<String, Handler>,
    requests: Mutex<Vec<Request>>,
    stopped: AtomicBool,
}

/// A running server; it stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts on a free port of 127.0.0.1.
    pub(crate) fn start(routes: Routes) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            routes: routes.routes,
            requests: Mutex::default(),
            stopped: AtomicBool::new(false),
        };
        let shared = Arc::new(shared);
        let accepting = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A client that hangs up early is no failure of the server's.
                std::thread::spawn(move || stream.and_then(|stream| answer(&shared, stream)));
            }
        });
        Server {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// The URL of a path, at `127.0.0.1`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of a path under the same server's other name, `localhost`: another host to clients.
    pub(crate) fn other_url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Paths that were asked for so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|request| request.path)
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn answer(shared: &Shared, stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let Some(request) = read_request(&mut reader)? else {
        return Ok(());
    };
    let before = {
        let mut requests = shared.requests.lock().unwrap();
        let before = requests
            .iter()
            .filter(|earlier| earlier.path == request.path)
            .count();
        requests.push(request.clone());
        before
    };
    let path = request.path.split('?').next().unwrap_or_default();
    let reply = shared
        .routes
        .get(path)
        .map_or_else(|| Reply::status(404), |handler| handler(&request, before));
    send(stream, &request, &reply)
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    reader.by_ref().take(1 << 16).read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.by_ref().take(1 << 16).read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Ok(Some(Request {
        method,
        path,
        headers,
    }))
}

fn send(mut stream: TcpStream, request: &Request, reply: &Reply) -> std::io::Result<()> {
    if reply.delivery != Delivery::Nothing {
        let mut head = format!(
            "HTTP/1.1 {} Scripted\r\nConnection: close\r\n",
            reply.status
        );
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if reply.length_stated && reply.status != 304 {
            head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        if request.method != "HEAD" {
            let half = reply.delivery == Delivery::HalfTheBody;
            let length = if half {
                reply.body.len() / 2
            } else {
                reply.body.len()
            };
            stream.write_all(&reply.body[..length])?;
        }
        stream.flush()?;
    }
    stream.shutdown(Shutdown::Write)?;
    // The rest of the request is read first, or the client might lose the answer to a reset.
    let mut rest = [0; 1024];
    while matches!(stream.read(&mut rest), Ok(read) if read > 0) {}
    Ok(())
}
