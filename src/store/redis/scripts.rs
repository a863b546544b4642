//! The transitions, one Lua script each. `scripts/record.lua` begins them all.

use redis::Script;

/// All scripts.
pub(super) struct Scripts {
    pub(super) park: Script,
    pub(super) look: Script,
    pub(super) vote: Script,
    pub(super) claim: Script,
    pub(super) detach: Script,
    pub(super) withdraw: Script,
    pub(super) sweep: Script,
    pub(super) lease: Script,
    pub(super) list: Script,
}

/// A script with the flags that tell Redis what it may do. One that ends or releases what is there runs in a full
/// Redis too; one that adds does not.
macro_rules! script {
    ($flags:literal, $file:literal) => {
        Script::new(concat!(
            "#!lua flags=",
            $flags,
            "\n",
            include_str!("scripts/record.lua"),
            include_str!(concat!("scripts/", $file))
        ))
    };
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            park: script!("", "park.lua"),
            look: script!("no-writes", "look.lua"),
            vote: script!("allow-oom", "vote.lua"),
            claim: script!("allow-oom", "claim.lua"),
            detach: script!("allow-oom", "detach.lua"),
            withdraw: script!("allow-oom", "withdraw.lua"),
            sweep: script!("allow-oom", "sweep.lua"),
            lease: script!("allow-oom", "lease.lua"),
            list: script!("no-writes", "list.lua"),
        }
    }
}
