//! What kube-scheduler decides, plugin by plugin, byte for byte. One file per plugin under its upstream name.

mod verdict;

pub use verdict::{NodeVerdict, Outcome, PodVerdict, PreFilterRejection};
