//! A real Chromium, told what to do over WebDriver (<https://www.w3.org/TR/webdriver2/>).
//!
//! Needs `chromedriver` and `chromium`, which `.ci/run` installs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::{Value, json};

/// Switches for a browser without a screen that asks nobody for anything by itself.
const SWITCHES: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
];

/// Keys of which the actions of WebDriver have names.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const SPACE: &str = " ";

/// A browser with one page; it ends when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    client: Client,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one with a new profile.
    pub(crate) fn start() -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("this test needs chromedriver, which .ci/run installs: {error}")
            });
        let lines = BufReader::new(driver.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let port = lines
            .filter_map(|line| Some(line.split_once("successfully on port ")?.1.to_owned()))
            .next()
            .unwrap();
        let server = format!("http://127.0.0.1:{}/session", port.trim_end_matches('.'));
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(120))
            .build()
            .unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut switches: Vec<String> =
            SWITCHES.iter().map(|switch| (*switch).to_owned()).collect();
        switches.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": switches },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let answer = send(&client, Method::POST, &server, &wanted);
        let session = format!("{server}/{}", answer["sessionId"].as_str().unwrap());
        Browser {
            driver,
            client,
            session,
            _profile: profile,
        }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        send(
            &self.client,
            Method::POST,
            &format!("{}/{path}", self.session),
            body,
        )
    }

    /// Opens a page and waits until it is there.
    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// What a function's body returns.
    pub(crate) fn run(&self, body: &str) -> Value {
        self.post("execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// What a function's body gives to its last argument, `done`.
    pub(crate) fn wait(&self, body: &str, arguments: &[Value]) -> Value {
        let body = format!("const done = arguments[arguments.length - 1]; {body}");
        self.post(
            "execute/async",
            &json!({ "script": body, "args": arguments }),
        )
    }

    /// Presses and releases one key after the other.
    pub(crate) fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        let actions =
            json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.post("actions", &actions);
    }

    /// A command of the developer tools' protocol.
    pub(crate) fn tool(&self, command: &str, parameters: &Value) -> Value {
        self.post(
            "goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    /// What the page, or the browser about it, wrote to the console since it was asked last.
    pub(crate) fn console(&self) -> Vec<String> {
        self.log("browser")
    }

    /// Addresses that were asked for since this was asked last.
    pub(crate) fn requested(&self) -> Vec<String> {
        let events = self
            .log("performance")
            .into_iter()
            .filter_map(|event| serde_json::from_str(&event).ok());
        let sent = events
            .filter(|event: &Value| event["message"]["method"] == "Network.requestWillBeSent");
        sent.map(|event| {
            event["message"]["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
    }

    fn log(&self, kind: &str) -> Vec<String> {
        let entries = self.post("se/log", &json!({ "type": kind }));
        entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser that is gone already needs no farewell.
        let _ = self.client.delete(&self.session).send();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn send(client: &Client, method: Method, url: &str, body: &Value) -> Value {
    let request = client
        .request(method, url)
        .header("Content-Type", "application/json")
        .body(body.to_string());
    let answer: Value = serde_json::from_str(&request.send().unwrap().text().unwrap()).unwrap();
    assert!(
        answer["value"]["error"].is_null(),
        "{url}: {}",
        answer["value"]
    );
    answer["value"].clone()
}
