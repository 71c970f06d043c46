//! A real browser: Debian's Chromium without a window, driven by its own driver.

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use sea_orm_autocache_axum::{Options, Service};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The service and a browser that shows its page. Both end when this is dropped.
pub struct Visit {
    pub client: Client,
    pub service: Service,
    _driver: Driver,
    _profile: TempDir,
}

/// A command of the driver that fantoccini does not have.
#[derive(Debug)]
struct Other {
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Other {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        match &self.body {
            Some(body) => (http::Method::POST, Some(body.to_string())),
            None => (http::Method::GET, None),
        }
    }
}

impl Visit {
    pub async fn start(options: Options) -> Self {
        let service = Service::start(options).await.expect("the service starts");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let driver = Driver::start(port);
        let profile = TempDir::new().expect("a folder");
        let client = connect(port, &profile).await;
        let visit = Self { client, service, _driver: driver, _profile: profile };
        visit.size(1200, 900).await;
        visit.client.goto(&format!("http://{}/", visit.service.address())).await.expect("a page");
        visit.see("#link", "live ·").await;
        visit
    }

    /// Waits until the element has this text in it. Answers with all of its text.
    pub async fn see(&self, selector: &str, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let seen = self.text(selector).await;
            if seen.contains(text) {
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "no {text:?} in `{selector}`, but {seen:?}");
            sleep(LOOK_AGAIN).await;
        }
    }

    /// What a person reads in the element; nothing if it is not there.
    pub async fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
        self.run(script, vec![json!(selector)]).await.as_str().unwrap_or_default().to_owned()
    }

    /// The number in a cell of the table of entities, once it is at least this.
    pub async fn count(&self, entity: &str, count: &str, at_least: u64) -> u64 {
        let begun = Instant::now();
        let cell = format!("#of-{entity} [data-count={count}]");
        loop {
            let number = self.text(&cell).await.replace(',', "").parse().unwrap_or(0);
            if number >= at_least {
                return number;
            }
            assert!(begun.elapsed() < PATIENCE, "{number} {count} of {entity}, not {at_least}");
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Presses the button with this text, and waits for what the page says of it.
    pub async fn press(&self, button: &str, answer: &str) -> String {
        // Not the answer to an earlier press.
        self.run("document.querySelector('#answer').textContent = ''", vec![]).await;
        self.click(button).await;
        self.see("#answer", answer).await
    }

    pub async fn click(&self, button: &str) {
        let path = format!("//button[normalize-space()='{button}']");
        let found = self.client.find(Locator::XPath(&path)).await.expect(button);
        found.click().await.expect(button);
    }

    /// Replaces the text of an input.
    pub async fn write(&self, selector: &str, text: &str) {
        let input = self.client.find(Locator::Css(selector)).await.expect(selector);
        input.clear().await.expect(selector);
        input.send_keys(text).await.expect(selector);
    }

    pub async fn choose(&self, entity: &str) {
        let select = self.client.find(Locator::Css("#entity")).await.expect("a choice");
        select.select_by_value(entity).await.expect(entity);
    }

    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.expect("a script of the test")
    }

    /// The size of the window, without the limits that a real one has.
    pub async fn size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    pub async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// The name that a screen reader says for the element that has the focus.
    pub async fn name_of_focused(&self) -> String {
        let focused = self.client.active_element().await.expect("a focus").element_id();
        let path = format!("element/{}/computedlabel", focused.as_ref());
        let name = self.client.issue_cmd(Other { path, body: None }).await.expect("a name");
        name.as_str().unwrap_or_default().to_owned()
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        let body = Some(json!({ "cmd": command, "params": parameters }));
        let sent = self.client.issue_cmd(Other { path: "goog/cdp/execute".to_owned(), body }).await;
        sent.expect(command);
    }
}

/// The driver and its browser. They end when this process does, however it ends: the shell's input is a pipe from here.
struct Driver(Child);

impl Driver {
    fn start(port: u16) -> Self {
        let shell = Command::new("sh")
            .args(["-c", "chromedriver --port=$1 & cat; kill -KILL 0", "keeper", &port.to_string()])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(shell.expect("a shell"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

async fn connect(port: u16, profile: &TempDir) -> Client {
    let folder = format!("--user-data-dir={}", profile.path().display());
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &folder,
    ];
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
    let address = format!("http://127.0.0.1:{port}");
    let begun = Instant::now();
    loop {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connected = builder.capabilities(capabilities.clone()).connect(&address);
        match connected.await {
            Ok(client) => return client,
            Err(error) => assert!(
                begun.elapsed() < PATIENCE,
                "no browser; scripts/install-browser.sh installs one: {error}"
            ),
        }
        sleep(LOOK_AGAIN).await;
    }
}
