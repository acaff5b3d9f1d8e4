//! Why plugins reject nodes and pods. Each plugin owns the type of its reasons; here they come together.

use std::borrow::Cow;
use std::fmt;

use super::plugins::{
    default_preemption, dynamic_resources, inter_pod_affinity, node_affinity, node_declared_features, node_name,
    node_ports, node_resources_fit, node_unschedulable, node_volume_limits, pod_topology_spread, taint_toleration,
    volume_binding, volume_restrictions, volume_zone,
};

macro_rules! reasons {
    ($($plugin:ident: $module:ident,)*) => {
        /// A plugin's reason. `Display` is upstream's text, byte for byte.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = concat!("One of `", stringify!($plugin), "`.")] $plugin($module::Reason),)*
            /// The node isn't among those that PreFilter plugins have left
            /// (`pkg/scheduler/schedule_one.go`, findNodesThatFitPod).
            LeftOut(LeftOut),
        }

        impl Reason {
            /// The plugin that gives the reason, under its upstream name.
            pub fn plugin(&self) -> &'static str {
                match self {
                    $(Reason::$plugin(_) => $module::NAME,)*
                    Reason::LeftOut(left_out) => left_out.plugins[0],
                }
            }

            /// Upstream's text.
            pub fn text(&self) -> Cow<'_, str> {
                match self {
                    $(Reason::$plugin(reason) => reason.text(),)*
                    Reason::LeftOut(left_out) => left_out.text().into(),
                }
            }
        }

        $(
            impl From<$module::Reason> for Reason {
                fn from(reason: $module::Reason) -> Self {
                    Reason::$plugin(reason)
                }
            }

            impl fmt::Display for $module::Reason {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.text())
                }
            }
        )*
    };
}

reasons! {
    NodeUnschedulable: node_unschedulable,
    NodeName: node_name,
    TaintToleration: taint_toleration,
    NodeAffinity: node_affinity,
    NodePorts: node_ports,
    NodeResourcesFit: node_resources_fit,
    VolumeRestrictions: volume_restrictions,
    NodeVolumeLimits: node_volume_limits,
    VolumeBinding: volume_binding,
    VolumeZone: volume_zone,
    PodTopologySpread: pod_topology_spread,
    InterPodAffinity: inter_pod_affinity,
    DynamicResources: dynamic_resources,
    NodeDeclaredFeatures: node_declared_features,
    DefaultPreemption: default_preemption,
}

/// A node that PreFilter plugins left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeftOut {
    /// Those plugins, never none; sorted where upstream sorts them.
    pub plugins: Vec<&'static str>,
}

impl LeftOut {
    fn text(&self) -> String {
        format!("node(s) didn't satisfy plugin(s) [{}]", self.plugins.join(" "))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
