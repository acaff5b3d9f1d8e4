//! The table of all rules, in the order in which they run: by stage, in a stage by room.

use std::sync::LazyLock;

use super::{Rule, Stage};
use super::{
    attaching, binding, creating, drivers, growing, nodes, provisioning, risks, schedulers, scheduling, starting,
    topolvm,
};

/// Rules about one part of the cluster.
#[derive(Debug)]
pub struct Room {
    pub name: &'static str,
    pub rules: &'static [&'static Rule],
}

/// All rooms, in the order of a pod's way: made, placed, its volumes made, bound and attached, started, grown. Last what is not broken
/// and can be lost.
pub static ROOMS: &[Room] = &[
    Room { name: "creating", rules: creating::RULES },
    Room { name: "nodes", rules: nodes::RULES },
    Room { name: "schedulers", rules: schedulers::RULES },
    Room { name: "scheduling", rules: scheduling::RULES },
    Room { name: "topolvm", rules: topolvm::RULES },
    Room { name: "binding", rules: binding::RULES },
    Room { name: "provisioning", rules: provisioning::RULES },
    Room { name: "drivers", rules: drivers::RULES },
    Room { name: "attaching", rules: attaching::RULES },
    Room { name: "starting", rules: starting::RULES },
    Room { name: "growing", rules: growing::RULES },
    Room { name: "risks", rules: risks::RULES },
];

/// Every rule.
pub static REGISTRY: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    let all = || ROOMS.iter().flat_map(|room| room.rules).copied();
    Stage::ALL.iter().flat_map(|stage| all().filter(|rule| rule.stage == *stage)).collect()
});
