//! A network for one process, and links to it that can be cut.

use std::process::Command as Blocking;

use tokio::process::Command;

use super::eventually::eventually;
use super::processes::Running;

/// Set where everything runs in a network of our own already.
const OURS: &str = "HOLDPOINT_TESTS_OWN_NETWORK";

/// Whether this process is in a network of its own. Else the test of this name is run in one, which takes no rights but
/// that to make a user namespace, and has to pass there. Whatever it sets up ends with it.
pub async fn is_ours(test: &str) -> bool {
    if std::env::var_os(OURS).is_some() {
        return true;
    }
    let this = std::env::current_exe().expect("the path of this test binary");
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--net", "--"]).arg(this).args(["--exact", test, "--nocapture"]);
    let ended = again.env(OURS, "yes").kill_on_drop(true).output().await.expect("unshare of util-linux");
    let (output, errors) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && output.contains("1 passed"), "{output}\n{errors}");
    false
}

/// A network with two links to ours: one for those who ask, one to Redis.
pub struct Network {
    /// Whose network it is; it only sleeps.
    keeper: Running,
}

impl Network {
    /// Our end of the link to Redis.
    pub const REDIS: &str = "10.77.2.1";

    /// Makes one, out of one that is ours.
    pub async fn start() -> Self {
        ip("link set lo up");
        let keeper = Running::start("network", "unshare".as_ref(), ["--net", "sleep", "infinity"]);
        let network = Self { keeper };
        let ours = std::fs::read_link("/proc/self/ns/net").expect("a network");
        eventually("another network", async || {
            let theirs = std::fs::read_link(format!("/proc/{}/ns/net", network.keeper.pid())).ok()?;
            (theirs != ours).then_some(())
        })
        .await;
        for (number, link) in [(1, "front"), (2, "back")] {
            ip(&format!("link add {link} type veth peer name {link} netns {}", network.keeper.pid()));
            ip(&format!("addr add 10.77.{number}.1/30 dev {link}"));
            ip(&format!("link set {link} up"));
            network.ip(&format!("addr add 10.77.{number}.2/30 dev {link}"));
            network.ip(&format!("link set {link} up"));
        }
        network
    }

    /// Where those who ask find what listens in there.
    pub fn address(&self) -> &'static str {
        "10.77.1.2"
    }

    /// Starts a program in there.
    pub fn start_in(&self, name: &'static str, program: &str, args: Vec<String>) -> Running {
        let enter = [self.door(), "--".to_owned(), program.to_owned()];
        Running::start(name, "nsenter".as_ref(), enter.into_iter().chain(args))
    }

    /// Cuts the link to Redis: nothing arrives any more, and nobody is told.
    pub fn cut_off(&self) {
        ip("link set back down");
    }

    /// Ends [`Network::cut_off`].
    pub fn reconnect(&self) {
        ip("link set back up");
    }

    fn door(&self) -> String {
        format!("--net=/proc/{}/ns/net", self.keeper.pid())
    }

    fn ip(&self, words: &str) {
        run("nsenter", &format!("{} -- ip {words}", self.door()));
    }
}

fn ip(words: &str) {
    run("ip", words);
}

fn run(program: &str, words: &str) {
    let ran = Blocking::new(program).args(words.split(' ')).output();
    let ran = ran.unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    assert!(ran.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&ran.stderr));
}
