//! The transitions, one Lua script each. `scripts/record.lua` begins them all.

use redis::Script;

/// All scripts.
pub(super) struct Scripts {
    pub(super) park: Script,
    pub(super) look: Script,
    pub(super) vote: Script,
    pub(super) act: Script,
    pub(super) claim: Script,
    pub(super) detach: Script,
    pub(super) withdraw: Script,
    pub(super) sweep: Script,
    pub(super) lease: Script,
    pub(super) list: Script,
    pub(super) note: Script,
    pub(super) seal: Script,
    pub(super) trim: Script,
    pub(super) precedents: Script,
}

/// A script with the flags that tell Redis what it may do. One that ends or releases what is there runs in a full
/// Redis too; one that adds does not.
macro_rules! script {
    ($publish:ident, $flags:literal, $file:literal) => {
        Script::new(
            &concat!(
                "#!lua flags=",
                $flags,
                "\n",
                include_str!("scripts/record.lua"),
                include_str!(concat!("scripts/", $file))
            )
            .replace("'PUBLISH'", $publish),
        )
    };
}

impl Scripts {
    /// In a cluster a message goes to the nodes of the queue's slot only, not to all.
    pub(super) fn new(in_cluster: bool) -> Self {
        let publish = if in_cluster { "'SPUBLISH'" } else { "'PUBLISH'" };
        Self {
            park: script!(publish, "", "park.lua"),
            look: script!(publish, "no-writes", "look.lua"),
            vote: script!(publish, "allow-oom", "vote.lua"),
            act: script!(publish, "allow-oom", "act.lua"),
            claim: script!(publish, "allow-oom", "claim.lua"),
            detach: script!(publish, "allow-oom", "detach.lua"),
            withdraw: script!(publish, "allow-oom", "withdraw.lua"),
            sweep: script!(publish, "allow-oom", "sweep.lua"),
            lease: script!(publish, "allow-oom", "lease.lua"),
            list: script!(publish, "no-writes", "list.lua"),
            note: script!(publish, "", "note.lua"),
            seal: script!(publish, "allow-oom", "seal.lua"),
            trim: script!(publish, "allow-oom", "trim.lua"),
            precedents: script!(publish, "no-writes", "precedents.lua"),
        }
    }
}
