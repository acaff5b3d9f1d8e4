//! Tolerant decoding: a `null` reads as the default, and an object that can't be read is an error of its own.

use serde::{Deserialize, Deserializer};

/// Reads a value, taking `null` for the type's default, as the API server's own decoder does.
///
/// # Errors
/// The deserializer's, where the value has another type.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Whether a field holds its default and can be left out of a written snapshot.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Declares model structs: camel-case names, every field optional, `null` read as the default, defaults not written.
macro_rules! model {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {$(
            $(#[$field_meta])*
            #[serde(
                deserialize_with = "crate::model::lenient::nullable",
                skip_serializing_if = "crate::model::lenient::is_default"
            )]
            pub $field: $type,
        )*}
    )*};
}
pub(crate) use model;
