//! Three nodes of a cluster.

use std::path::Path;
use std::sync::Arc;

use super::Server;
use crate::support::authority::Authority;
use crate::support::eventually::until;
use crate::support::processes::free_port;

/// Three nodes that share the slots.
pub struct Cluster {
    pub nodes: Vec<Server>,
    buses: [String; 3],
}

impl Cluster {
    pub async fn start() -> Self {
        Self::set_up(None).await
    }

    /// All nodes speak TLS alone.
    pub async fn start_with_tls(tls: &Arc<Authority>) -> Self {
        Self::set_up(Some(tls)).await
    }

    async fn set_up(tls: Option<&Arc<Authority>>) -> Self {
        let bus = [free_port(), free_port(), free_port()].map(|port| port.to_string());
        let nodes: Vec<Server> = bus
            .iter()
            .map(|bus| {
                let args =
                    ["--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000"];
                Server::launch_at(free_port(), tls, &args)
            })
            .collect();
        until("the nodes answer", async || nodes.iter().all(|n| n.try_ask::<String>(&["PING"]).is_ok()))
            .await;
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let created = std::process::Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "0", "--cluster-yes"])
            .args(
                tls.iter()
                    .flat_map(|_| ["--tls", "--cacert", "root", "--cert", "certificate", "--key", "key"]),
            )
            .current_dir(tls.map_or(Path::new("."), |tls| tls.folder()))
            .output()
            .expect("redis-cli is installed");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        let cluster = Self { nodes, buses: bus };
        until("the cluster is whole", async || {
            cluster
                .nodes
                .iter()
                .all(|node| node.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok"))
        })
        .await;
        cluster
    }

    pub fn url(&self) -> String {
        // One is enough to find the others.
        format!("redis+cluster://127.0.0.1:{}", self.nodes[0].port)
    }

    /// Which node holds a queue's slot.
    pub fn holder_of(&self, queue: &str) -> &Server {
        let port = self.slot_map(self.slot(queue));
        self.nodes.iter().find(|node| node.port == port).expect("it is one of ours")
    }

    fn slot(&self, queue: &str) -> u16 {
        self.nodes[0].ask(&["CLUSTER", "KEYSLOT", &format!("holdpoint:{{{queue}}}")])
    }

    fn slot_map(&self, slot: u16) -> u16 {
        // From, to, and the node: address, port and more.
        type Range = (u16, u16, Vec<redis::Value>);
        let ranges: Vec<Range> = self.nodes[0].ask(&["CLUSTER", "SLOTS"]);
        let range = ranges.into_iter().find(|(from, to, _)| (*from..=*to).contains(&slot)).unwrap();
        redis::from_redis_value_ref(&range.2[1]).unwrap()
    }

    /// A replica of the node that holds a queue's slot.
    pub async fn add_replica_of(&self, queue: &str) -> Server {
        let node = self.holder_of(queue);
        let bus = free_port().to_string();
        let copy = Server::start(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
        let (port, id) = (node.port.to_string(), node.ask::<String>(&["CLUSTER", "MYID"]));
        let node_bus = self.bus_of(node);
        copy.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &node_bus]);
        until("the node is known", async || copy.try_ask::<()>(&["CLUSTER", "REPLICATE", &id]).is_ok()).await;
        copy
    }

    fn bus_of(&self, node: &Server) -> String {
        let at = self.nodes.iter().position(|other| other.port == node.port).expect("it is one of ours");
        self.buses[at].clone()
    }

    /// Moves a queue's slot, with all that is in it, to another node.
    pub fn move_slot(&self, queue: &str, to: &Server) {
        let (slot, from) = (self.slot(queue).to_string(), self.holder_of(queue));
        let id = |node: &Server| node.ask::<String>(&["CLUSTER", "MYID"]);
        let (from_id, to_id) = (id(from), id(to));
        to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        loop {
            let keys: Vec<String> = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            if keys.is_empty() {
                break;
            }
            let port = to.port.to_string();
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            words.extend(keys.iter().map(String::as_str));
            from.ask::<()>(&words);
        }
        for node in [to, from].into_iter().chain(&self.nodes) {
            node.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }
}
