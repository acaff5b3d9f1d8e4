//! One object, by its name.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::failure::{Failure, quote};
use super::list::path;
use super::request::Server;
use crate::model::Kind;
use crate::snapshot::{Broken, Builder, Named};

#[derive(Deserialize)]
struct Typed {
    kind: String,
}

/// Reads an object in the best version that is served, and adds it; one that isn't there is no failure.
pub(super) async fn read(server: &Server, kind: Kind, object: &Named, out: &mut Builder) -> Result<(), Failure> {
    let namespace = Some(object.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    for version in kind.versions() {
        let path = format!("{}/{}", path(kind, version, namespace), object.name);
        match server.get(&path).await {
            Ok(text) => return add(kind, &path, object, &text, out),
            Err(Failure::NotFound) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

fn add(kind: Kind, path: &str, object: &Named, text: &str, out: &mut Builder) -> Result<(), Failure> {
    let malformed = |error: &serde_json::Error| Failure::Malformed(quote(&error.to_string()));
    let typed: Typed = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    if typed.kind != kind.name() {
        return Err(Failure::Malformed(format!("it is a {}, not a {kind}", quote(&typed.kind))));
    }
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    if let Err(error) = out.add(kind, &mut serde_json::Deserializer::from_str(raw.get())) {
        let Named { namespace, name } = object.clone();
        out.note(Broken { kind, namespace, name, origin: path.to_owned(), error: quote(&error.to_string()) });
    }
    Ok(())
}

/// Whether a name can stand in a path as it is: cluster objects' names come from other objects, which may say anything.
pub(super) fn safe(object: &Named) -> bool {
    let part = |text: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c)) && text != ".." && text != "."
    };
    !object.name.is_empty() && part(&object.name) && part(&object.namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_to_other_paths() {
        let named = |text: &str| Named { namespace: "csi".to_owned(), name: text.to_owned() };
        assert!(safe(&named("system:csi-external.provisioner")));
        for text in ["", "..", "a/../../secrets/x", "a?watch=true", "a#b", "a%2fb", "a b"] {
            assert!(!safe(&named(text)), "{text}");
        }
    }
}
