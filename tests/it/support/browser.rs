//! A real browser: Debian's Chromium, driven over WebDriver.

use std::ops::Deref;
use std::path::Path;

use serde_json::{Value, json};
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::{By, DesiredCapabilities, TypingData, WebDriver, WebElement};

use super::eventually::eventually;
use super::processes::{Running, installed};

/// A browser without a window, with a profile of its own.
pub struct Browser {
    driver: WebDriver,
    _chromedriver: Running,
    _chromium: Running,
}

impl Browser {
    /// Starts a browser that has never been anywhere.
    pub async fn start() -> Self {
        // Chromium refuses a sandbox to root, which a container's tests often run as.
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        // The certificates of tests are of authorities that no browser knows.
        let arguments = [&arguments[..], &["--ignore-certificate-errors"]].concat();
        let calm = ["--no-first-run", "--disable-background-networking", "--disable-component-update"];
        let own = ["--user-data-dir=profile", "--remote-debugging-port=0", "--window-size=1280,900"];
        // Started here and not by its driver, which would leave it behind when it is killed.
        let chromium =
            Running::start("chromium", Path::new("chromium"), arguments.iter().chain(&calm).chain(&own));
        let chromedriver = Running::start("chromedriver", Path::new("chromedriver"), ["--port=0"]);
        let debugger = eventually("Chromium to listen", async || {
            number(&chromium.stderr(), "DevTools listening on ws://127.0.0.1:", '/')
        });
        let port = eventually("chromedriver to listen", async || {
            number(&chromedriver.stdout(), "started successfully on port ", '.')
        });
        let mut options = DesiredCapabilities::chrome();
        let debugger = format!("127.0.0.1:{}", debugger.await);
        options.set_debugger_address(&debugger).expect("an address is a text");
        let driver = WebDriver::new(format!("http://127.0.0.1:{}", port.await), options).await;
        Self { driver: driver.expect("a session"), _chromedriver: chromedriver, _chromium: chromium }
    }

    /// Opens a page and waits until it is loaded.
    pub async fn opens(&self, url: &str) {
        self.driver.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Waits until something that this selector finds can be seen, and returns the first.
    pub async fn sees(&self, css: &str) -> WebElement {
        eventually(&format!("{css} to be seen"), async || {
            for element in self.driver.find_all(By::Css(css)).await.ok()? {
                if element.is_displayed().await.unwrap_or(false) {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// Waits until something that this selector finds can be seen and says this.
    pub async fn reads(&self, css: &str, text: &str) -> WebElement {
        eventually(&format!("{css} to say {text:?}"), async || {
            for element in self.driver.find_all(By::Css(css)).await.ok()? {
                let says = element.text().await.is_ok_and(|said| said.contains(text));
                if says {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// Waits until nothing that this selector finds can be seen.
    pub async fn misses(&self, css: &str) {
        eventually(&format!("{css} to be gone"), async || {
            for element in self.driver.find_all(By::Css(css)).await.ok()? {
                if element.is_displayed().await.unwrap_or(false) {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// Waits until this can be clicked, and clicks it.
    pub async fn clicks(&self, css: &str) {
        eventually(&format!("{css} to be clicked"), async || {
            let element = self.driver.find(By::Css(css)).await.ok()?;
            // To the middle: at the edges lies what is fixed there.
            element.scroll_into_view().await.ok()?;
            let enabled = element.is_enabled().await.unwrap_or(false);
            if enabled { element.click().await.ok() } else { None }
        })
        .await;
    }

    /// How many the selector finds.
    pub async fn count(&self, css: &str) -> usize {
        self.driver.find_all(By::Css(css)).await.expect("the browser looks").len()
    }

    /// The text of the first that the selector finds, whether it can be seen or not.
    pub async fn text_of(&self, css: &str) -> String {
        self.property(css, "textContent").await
    }

    /// What stands in the field.
    pub async fn value_of(&self, css: &str) -> String {
        self.property(css, "value").await
    }

    async fn property(&self, css: &str, name: &str) -> String {
        let element = self.driver.find(By::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
        element.prop(name).await.expect("the browser looks").unwrap_or_default()
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub async fn presses(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.expect("the keys are pressed");
    }

    /// What a script returns.
    pub async fn value(&self, script: &str) -> Value {
        let returned = self.driver.execute(script, Vec::new()).await;
        returned.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
    }

    /// The same, where that is a truth.
    pub async fn truth(&self, script: &str) -> bool {
        self.value(script).await.as_bool().expect("true or false")
    }

    /// The same, where that is a number.
    pub async fn number(&self, script: &str) -> f64 {
        self.value(script).await.as_f64().expect("a number")
    }

    /// The same, where that is a text.
    pub async fn text(&self, script: &str) -> String {
        self.value(script).await.as_str().expect("a text").to_owned()
    }

    /// Lets pages run scripts from now on, or not.
    pub async fn scripts(&self, on: bool) {
        self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// Makes the page as wide as this.
    pub async fn narrow(&self, width: u32) {
        let phone = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true });
        self.tell("Emulation.setDeviceMetricsOverride", phone).await;
    }

    async fn tell(&self, command: &str, parameters: Value) {
        let told = self.driver.cdp().send_raw(command, parameters).await;
        told.unwrap_or_else(|error| panic!("{command}: {error}"));
    }

    /// Lets axe look for what WCAG 2.2 AA forbids.
    pub async fn keeps_wcag(&self, place: &str) {
        let axe = std::fs::read_to_string(installed("axe/node_modules/axe-core/axe.min.js")).expect("axe");
        self.driver.execute(axe, vec![]).await.expect("axe is there");
        let run = "const done = arguments[0]; axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
            .then(({ violations }) => done(violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html}`))))";
        let violations = self.driver.execute_async(run, vec![]).await.expect("axe runs");
        assert_eq!(violations.json(), &json!([]), "{place}");
    }

    /// Types into what this selector finds.
    pub async fn types(&self, css: &str, text: impl Into<TypingData>) {
        let typed = self.sees(css).await.send_keys(text).await;
        typed.unwrap_or_else(|error| panic!("typing into {css}: {error}"));
    }
}

impl Deref for Browser {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        &self.driver
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Not asked to quit, which would block: it is killed.
        let _ = self.driver.clone().leak();
    }
}

/// The number that stands in the log between these.
fn number(log: &str, before: &str, behind: char) -> Option<u16> {
    let (_, rest) = log.split_once(before)?;
    rest.split_once(behind)?.0.parse().ok()
}
