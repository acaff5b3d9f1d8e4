//! Which fields the objects of a snapshot can have: a rule that asks for another would never see it, whatever the cluster
//! has.

use std::cell::Cell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::language::{Origin, Step};
use crate::snapshot::Builder;

/// What every object says of itself beside the fields of its kind.
const TYPE: [&str; 2] = ["apiVersion", "kind"];

/// Whether objects of a kind can have a field there. What the model reads in a way of its own is taken for known.
pub(crate) fn can_have(origin: &Origin) -> bool {
    let listed = origin.path.iter().take_while(|step| **step == Step::Any).count();
    let path = &origin.path[listed..];
    if let [Step::Field(name)] = path
        && TYPE.contains(&name.as_str())
    {
        return true;
    }
    let unknown = Cell::new(false);
    // An object with one field is no object of any kind, so that this always fails; what counts is how far it came.
    let _ = Builder::default().add(origin.kind, Probe { path, unknown: &unknown });
    !unknown.get()
}

/// Pretends to be an object that has nothing but the fields of a path, and sees whether they are asked for.
#[derive(Clone, Copy)]
struct Probe<'p> {
    path: &'p [Step],
    unknown: &'p Cell<bool>,
}

/// The probe has seen what it wanted.
#[derive(Debug)]
struct Seen;

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seen")
    }
}

impl std::error::Error for Seen {}

impl Error for Seen {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl Probe<'_> {
    /// A field of a text or a number.
    fn scalar<T>(self) -> Result<T, Seen> {
        self.unknown.set(!self.path.is_empty());
        Err(Seen)
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Seen;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
        Err(Seen)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Seen> {
        match self.path.first() {
            Some(Step::Field(name)) if fields.contains(&name.as_str()) => visitor.visit_map(self),
            Some(Step::Field(_)) => {
                self.unknown.set(true);
                Err(Seen)
            }
            Some(Step::Any) | None => Err(Seen),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_map(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_seq(self)
    }

    fn deserialize_string<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
        self.scalar()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
        self.scalar()
    }

    fn deserialize_i64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
        self.scalar()
    }

    fn deserialize_i32<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
        self.scalar()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Probe<'_> {
    type Error = Seen;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Seen> {
        match self.path.first() {
            Some(Step::Field(name)) => seed.deserialize(StrDeserializer::new(name)).map(Some),
            Some(Step::Any) => seed.deserialize(StrDeserializer::new("any")).map(Some),
            None => Err(Seen),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Seen> {
        seed.deserialize(Probe { path: self.path.get(1..).unwrap_or_default(), unknown: self.unknown })
    }
}

impl<'de> SeqAccess<'de> for Probe<'_> {
    type Error = Seen;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Seen> {
        match self.path.first() {
            Some(Step::Any) => {
                let path = self.path.get(1..).unwrap_or_default();
                seed.deserialize(Probe { path, unknown: self.unknown }).map(Some)
            }
            Some(Step::Field(_)) | None => Err(Seen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn known(kind: Kind, path: &str) -> bool {
        let step = |step: &str| if step == "*" { Step::Any } else { Step::Field(step.to_owned()) };
        can_have(&Origin { kind, path: path.split('.').map(step).collect() })
    }

    #[test]
    fn fields_that_a_snapshot_keeps_are_known_and_others_are_not() {
        for path in [
            "metadata.labels.app",
            "kind",
            "*.metadata.name",
            "spec.nodeName",
            "spec.containers.*.image",
            "spec.containers.*.resources.requests.cpu",
            "spec.volumes.*.persistentVolumeClaim.claimName",
            "status.conditions.*.type",
        ] {
            assert!(known(Kind::Pod, path), "{path}");
        }
        for path in ["spec.hostPID", "spec.nodeNam", "spec.nodeName.length", "metadata.managedFields"] {
            assert!(!known(Kind::Pod, path), "{path}");
        }
        assert!(known(Kind::StorageClass, "parameters.type") && !known(Kind::StorageClass, "spec"));
        for kind in Kind::ALL {
            assert!(known(*kind, "metadata.name") && !known(*kind, "metadata.nothing"), "{kind}");
        }
    }
}
