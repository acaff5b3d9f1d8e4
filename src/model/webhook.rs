//! Admission webhook configurations.

use super::kind::has_meta;
use super::lenient::model;
use super::meta::Meta;
use super::selector::LabelSelector;

has_meta!(WebhookConfiguration);

model! {
    /// A mutating or validating webhook configuration.
    pub struct WebhookConfiguration {
        pub metadata: Meta,
        pub webhooks: Vec<Webhook>,
    }

    /// One webhook.
    pub struct Webhook {
        pub name: String,
        pub client_config: ClientConfig,
        pub rules: Vec<WebhookRule>,
        pub failure_policy: Option<String>,
        pub match_policy: Option<String>,
        pub namespace_selector: Option<LabelSelector>,
        pub object_selector: Option<LabelSelector>,
        pub side_effects: Option<String>,
        pub timeout_seconds: Option<i32>,
        pub reinvocation_policy: Option<String>,
        pub match_conditions: Vec<MatchCondition>,
    }

    /// Where the webhook is served; the CA bundle is not kept.
    pub struct ClientConfig {
        pub url: Option<String>,
        pub service: Option<ServiceReference>,
    }

    /// A service that serves webhooks.
    pub struct ServiceReference {
        pub namespace: String,
        pub name: String,
        pub path: Option<String>,
        pub port: Option<i32>,
    }

    /// What a webhook is asked about.
    pub struct WebhookRule {
        pub operations: Vec<String>,
        pub api_groups: Vec<String>,
        pub api_versions: Vec<String>,
        pub resources: Vec<String>,
        pub scope: Option<String>,
    }

    /// A CEL condition.
    pub struct MatchCondition {
        pub name: String,
        pub expression: String,
    }
}

impl Webhook {
    /// Whether a request is refused when the webhook can't be called: `failurePolicy: Fail`, the default.
    pub fn fails_closed(&self) -> bool {
        self.failure_policy.as_deref() != Some("Ignore")
    }
}
