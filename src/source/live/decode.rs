//! One page of a list, decoded object by object.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::failure::{Failure, quote};
use crate::model::Kind;
use crate::snapshot::{Broken, Builder};

#[derive(Deserialize)]
struct List<'a> {
    kind: String,
    #[serde(default)]
    metadata: ListMeta,
    /// `null` is an empty list; a list without the field is not a list.
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    #[serde(rename = "continue", default, deserialize_with = "null_is_empty")]
    token: String,
}

/// Adds a page's objects and notes those that cannot be decoded; gives the token of the next page.
pub(super) fn page(kind: Kind, origin: &str, text: &str, out: &mut Builder) -> Result<Option<String>, Failure> {
    let list: List<'_> = serde_json::from_str(text).map_err(|error| Failure::Malformed(quote(&error.to_string())))?;
    if list.kind != format!("{}List", kind.name()) {
        let what = quote(&list.kind);
        return Err(Failure::Malformed(format!("it is a {what}, not a {}List", kind.name())));
    }
    for item in list.items.unwrap_or_default() {
        if let Err(error) = out.add(kind, &mut serde_json::Deserializer::from_str(item.get())) {
            out.note(broken(kind, origin, item, &error.to_string()));
        }
    }
    Ok(Some(list.metadata.token).filter(|token| !token.is_empty()))
}

fn broken(kind: Kind, origin: &str, item: &RawValue, error: &str) -> Broken {
    let value: serde_json::Value = serde_json::from_str(item.get()).unwrap_or_default();
    let text = |field: &str| value["metadata"][field].as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text("namespace"), text("name"));
    Broken { kind, namespace, name, origin: origin.to_owned(), error: quote(error) }
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Scope;

    fn read(text: &str) -> (Result<Option<String>, Failure>, crate::snapshot::Snapshot) {
        let mut out = Builder::default();
        let result = page(Kind::Node, "/api/v1/nodes", text, &mut out);
        (result, out.build(&Scope::All))
    }

    #[test]
    fn a_page_gives_its_objects_and_the_next_token() {
        let (token, snapshot) =
            read(r#"{"kind":"NodeList","metadata":{"continue":"next"},"items":[{"metadata":{"name":"a"}}]}"#);
        assert_eq!(token, Ok(Some("next".to_owned())));
        assert!(snapshot.nodes.get("", "a").found().is_some());
        for text in
            [r#"{"kind":"NodeList","metadata":{"continue":null},"items":null}"#, r#"{"kind":"NodeList","items":[]}"#]
        {
            assert_eq!(read(text).0, Ok(None), "{text}");
        }
    }

    #[test]
    fn an_answer_that_is_no_list_is_not_an_empty_list() {
        for text in ["", "{}", "[]", "null", r#"{"kind":"NodeList"}"#, r#"{"kind":"PodList","items":[]}"#, "{\"kind\":"]
        {
            let (result, _) = read(text);
            assert!(matches!(result, Err(Failure::Malformed(_))), "{text}: {result:?}");
        }
    }

    #[test]
    fn a_bad_object_is_noted_and_the_others_stay() {
        let (result, snapshot) =
            read(r#"{"kind":"NodeList","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"},"spec":7},"c"]}"#);
        assert_eq!(result, Ok(None));
        assert_eq!(snapshot.nodes.seen().len(), 1);
        let names: Vec<&str> = snapshot.nodes.broken().iter().map(|broken| broken.name.as_str()).collect();
        assert_eq!(names, ["b", ""]);
        assert_eq!(snapshot.nodes.broken()[0].origin, "/api/v1/nodes");
        assert!(snapshot.nodes.all().is_none());
    }
}
