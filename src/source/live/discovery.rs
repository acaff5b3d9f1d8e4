//! Which custom kinds a server serves: what kubectl asks before it sends one
//! (`apimachinery/pkg/apis/meta/v1`, APIResourceList).

use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::{Failure, quote};
use super::request::Server;

/// The kind of which definitions are made of what is served.
pub(super) const KIND: &str = "CustomResourceDefinition";

#[derive(Deserialize)]
struct Served {
    kind: String,
    #[serde(deserialize_with = "Option::deserialize")]
    resources: Option<Vec<Resource>>,
}

#[derive(Deserialize)]
struct Resource {
    /// The plural; that of a part of a resource has a slash.
    name: String,
    kind: String,
    namespaced: bool,
}

/// The kinds of an API version, `group/version`, as definitions of them would say it; none where it isn't served.
pub(super) async fn read(server: &Server, api_version: &str) -> Result<Vec<Value>, Failure> {
    match server.get(&format!("/apis/{api_version}")).await {
        Ok(text) => definitions(api_version, &text),
        Err(Failure::NotFound) => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

fn definitions(api_version: &str, text: &str) -> Result<Vec<Value>, Failure> {
    let served: Served = serde_json::from_str(text).map_err(|error| Failure::Malformed(quote(&error.to_string())))?;
    if served.kind != "APIResourceList" {
        return Err(Failure::Malformed(format!("it is a {}, not an APIResourceList", quote(&served.kind))));
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let whole = served.resources.unwrap_or_default().into_iter().filter(|resource| !resource.name.contains('/'));
    let definition = |Resource { name, kind, namespaced }| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": KIND,
            // No object has such a name: what is read in this way is no object.
            "metadata": {"name": format!("served:{name}.{api_version}")},
            "spec": {"group": group, "scope": if namespaced { "Namespaced" } else { "Cluster" },
                "names": {"kind": kind, "plural": name}, "versions": [{"name": version, "served": true}]},
        })
    };
    Ok(whole.map(definition).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_is_told_as_definitions_would() {
        let list = json!({"kind": "APIResourceList", "resources": [
            {"name": "things", "kind": "Thing", "namespaced": true}, {"name": "things/status", "kind": "Thing", "namespaced": true}]});
        let found = definitions("example.com/v1", &list.to_string()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["spec"]["versions"], json!([{"name": "v1", "served": true}]));
        for text in ["{}", "[]", "nonsense", r#"{"kind": "APIResourceList"}"#, r#"{"kind": "List", "resources": []}"#] {
            assert!(definitions("example.com/v1", text).is_err(), "{text}");
        }
    }
}
