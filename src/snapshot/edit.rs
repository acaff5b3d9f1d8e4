//! Small changes of a state, made on a copy of it.

use serde_json::Value;

use super::Snapshot;
use crate::model::{Kind, ObjectRef};

/// A change of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// A JSON patch (RFC 6902) of an object that is there.
    Patch { kind: Kind, namespace: String, name: String, operations: Value },
    /// A new object, given as JSON.
    Create { kind: Kind, object: Value },
    /// An object goes.
    Delete { kind: Kind, namespace: String, name: String },
}

/// Why an edit could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("{0} was not read")]
    Unread(ObjectRef),
    #[error("{0}")]
    Invalid(String),
}

impl Edit {
    /// The object that is changed.
    pub fn object(&self) -> ObjectRef {
        match self {
            Edit::Patch { kind, namespace, name, .. } | Edit::Delete { kind, namespace, name } => {
                ObjectRef::new(*kind, namespace, name)
            }
            Edit::Create { kind, object } => {
                let field = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
                ObjectRef::new(*kind, field("namespace"), field("name"))
            }
        }
    }
}

impl Snapshot {
    /// Makes an edit.
    ///
    /// # Errors
    /// Where the object of a patch was not read, or where what comes of the edit is no valid object.
    pub fn edit(&mut self, edit: &Edit) -> Result<(), EditError> {
        let invalid = |error: &dyn std::fmt::Display| EditError::Invalid(error.to_string());
        match edit {
            Edit::Patch { kind, namespace, name, operations } => {
                let mut object =
                    self.to_json(*kind, namespace, name).ok_or_else(|| EditError::Unread(edit.object()))?;
                let patch: json_patch::Patch =
                    serde_json::from_value(operations.clone()).map_err(|error| invalid(&error))?;
                json_patch::patch(&mut object, &patch).map_err(|error| invalid(&error))?;
                self.put_json(*kind, object).map_err(|error| invalid(&error))
            }
            Edit::Create { kind, object } => self.put_json(*kind, object.clone()).map_err(|error| invalid(&error)),
            Edit::Delete { kind, namespace, name } => {
                self.remove(*kind, namespace, name);
                Ok(())
            }
        }
    }
}

/// A key of a map as a part of a JSON pointer (RFC 6901).
pub(crate) fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The key of a map that a part of a JSON pointer names (RFC 6901).
pub(crate) fn pointer_key(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Builder, Scope};

    #[test]
    fn patches_change_what_is_there_and_nothing_else() {
        let mut builder = Builder::default();
        let node = json!({"metadata": {"name": "n", "labels": {"a/b": "1"}}});
        builder.add(Kind::Node, node).unwrap();
        let mut snapshot = builder.build(&Scope::All);
        let patch = |name: &str, operations: Value| Edit::Patch {
            kind: Kind::Node,
            namespace: String::new(),
            name: name.to_owned(),
            operations,
        };
        let path = format!("/metadata/labels/{}", pointer_token("a/b"));
        snapshot.edit(&patch("n", json!([{"op": "replace", "path": path, "value": "2"}]))).unwrap();
        assert_eq!(snapshot.meta(Kind::Node, "", "n").unwrap().labels["a/b"], "2");
        assert!(matches!(snapshot.edit(&patch("m", json!([]))), Err(EditError::Unread(_))));
        let wrong = patch("n", json!([{"op": "remove", "path": "/spec/taints/0"}]));
        assert!(matches!(snapshot.edit(&wrong), Err(EditError::Invalid(_))));
    }
}
