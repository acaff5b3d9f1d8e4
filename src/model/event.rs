//! Events.

use super::kind::has_meta;
use super::lenient::model;
use super::meta::Meta;

has_meta!(Event);

model! {
    /// An event as `v1` shows it.
    pub struct Event {
        pub metadata: Meta,
        pub involved_object: InvolvedObject,
        #[serde(rename = "type")]
        pub kind: String,
        pub reason: String,
        pub message: String,
        pub count: i64,
        pub first_timestamp: Option<String>,
        pub last_timestamp: Option<String>,
        pub event_time: Option<String>,
        pub source: EventSource,
        pub reporting_component: String,
        pub series: Option<EventSeries>,
    }

    /// The object that an event is about.
    pub struct InvolvedObject {
        pub kind: String,
        pub namespace: String,
        pub name: String,
        pub uid: String,
    }

    /// Who wrote the event.
    pub struct EventSource {
        pub component: String,
        pub host: String,
    }

    /// A repeated event.
    pub struct EventSeries {
        pub count: i64,
        pub last_observed_time: Option<String>,
    }
}

impl Event {
    /// When the event was last seen, RFC 3339; empty where it doesn't say.
    pub fn last_seen(&self) -> &str {
        let series = self.series.as_ref().and_then(|series| series.last_observed_time.as_deref());
        [series, self.last_timestamp.as_deref(), self.event_time.as_deref(), self.first_timestamp.as_deref()]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(&self.metadata.creation_timestamp)
    }

    /// When the event was first seen, RFC 3339; empty where it doesn't say.
    pub fn first_seen(&self) -> &str {
        let first = self.first_timestamp.as_deref().or(self.event_time.as_deref());
        first.or(self.last_timestamp.as_deref()).unwrap_or(&self.metadata.creation_timestamp)
    }

    /// How often it was seen.
    pub fn times(&self) -> i64 {
        let series = self.series.as_ref().map_or(0, |series| series.count);
        self.count.max(series).max(1)
    }

    /// The component that wrote the event.
    pub fn component(&self) -> &str {
        if self.source.component.is_empty() { &self.reporting_component } else { &self.source.component }
    }
}
