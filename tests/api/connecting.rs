//! Reaching the server: addresses that lead nowhere, identities, credential plugins.

use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;

use storagewhy::model::Kind;
use storagewhy::source::live::{self, Options};

use super::fake::FakeApi;
use super::{HURRIED, PATIENT, SLACK, all_kinds, cluster, only, read, read_with};

fn to(server: String) -> Options {
    Options { server: Some(server), request_timeout: Some(PATIENT), ..Options::default() }
}

#[test]
fn a_server_that_is_not_there_is_an_error_at_once() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let start = Instant::now();
    let error = live::read(&to(format!("https://{address}")), &all_kinds(), &|_| {}).unwrap_err();
    let text = format!("cannot reach the API server at https://{address}: Connection refused");
    assert_eq!(error.message, text);
    assert!(error.hint.unwrap().contains("is the server up"));
    assert!(start.elapsed() < SLACK);
}

#[test]
fn a_server_without_tls_is_told_from_one_that_is_down() {
    let api = FakeApi::start(cluster(), |_| None);
    let error = live::read(&to(api.url().replace("http:", "https:")), &all_kinds(), &|_| {}).unwrap_err();
    assert!(error.message.ends_with("it does not speak TLS"), "{error}");
}

#[test]
fn an_address_that_is_no_url_is_a_wrong_call() {
    for address in ["nonsense:", "127.0.0.1:6443", "", "ftp://host", "/path", "http://"] {
        let error = live::read(&to(address.to_owned()), &all_kinds(), &|_| {}).unwrap_err();
        assert!(error.usage, "{address}: {error}");
    }
}

#[test]
fn impersonation_and_tokens_are_sent() {
    let api = FakeApi::start(cluster(), |_| None);
    let options = Options {
        token: Some("hush".to_owned()),
        as_user: Some("eve".to_owned()),
        as_groups: vec!["devs".to_owned(), "ops".to_owned()],
        as_uid: Some("7".to_owned()),
        ..api.options(PATIENT)
    };
    read_with(&api, &options, &only(&[Kind::Node])).unwrap();
    let request = &api.requests_for("nodes")[0];
    assert_eq!(request.header("authorization"), ["Bearer hush"]);
    assert_eq!(request.header("impersonate-user"), ["eve"]);
    assert_eq!(request.header("impersonate-group"), ["devs", "ops"]);
    assert_eq!(request.header("impersonate-uid"), ["7"]);
    assert!(request.header("user-agent")[0].starts_with("kubectl-storagewhy/"));
}

#[test]
fn without_credentials_none_are_sent() {
    let api = FakeApi::start(cluster(), |_| None);
    read(&api, &only(&[Kind::Node])).unwrap();
    assert!(api.requests_for("nodes")[0].header("authorization").is_empty());
}

fn kubeconfig(folder: &Path, server: &str, user: &str) -> Options {
    let path = folder.join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{{name: c, context: {{cluster: c, user: u, namespace: vault}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\nusers: [{{name: u, user: {user}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    Options { kubeconfig: Some(path), request_timeout: Some(PATIENT), ..Options::default() }
}

#[test]
fn the_proxy_of_the_kubeconfig_is_used_and_the_environments_is_not_for_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let api = FakeApi::start(cluster(), |_| None);
    let mut options = api.options(PATIENT);
    options.environment.http_proxy = Some(format!("http://{nobody}"));
    assert!(read_with(&api, &options, &only(&[Kind::Node])).is_ok());
    let before = api.requests().len();
    let server = format!("{}\", proxy-url: \"http://{nobody}", api.url());
    let options = kubeconfig(folder.path(), &server, "{}");
    let error = read_with(&api, &options, &all_kinds()).unwrap_err();
    assert!(error.message.starts_with("cannot reach the API server at "), "{error}");
    assert_eq!(api.requests().len(), before);
}

/// The user of a kubeconfig whose plugin is this shell script.
#[cfg(unix)]
fn plugin(folder: &Path, script: &str) -> String {
    let path = folder.join("plugin.sh");
    std::fs::write(&path, script).unwrap();
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [\"{}\"]}}}}",
        path.display()
    )
}

#[test]
fn a_token_file_of_the_kubeconfig_is_used() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "from-file\n").unwrap();
    let api = FakeApi::start(cluster(), |_| None);
    let options = kubeconfig(folder.path(), &api.url(), "{tokenFile: token}");
    read_with(&api, &options, &only(&[Kind::Node])).unwrap();
    assert_eq!(api.requests_for("nodes")[0].header("authorization"), ["Bearer from-file"]);
}

#[test]
fn a_token_file_that_is_not_there_or_empty_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let api = FakeApi::start(cluster(), |_| None);
    let options = kubeconfig(folder.path(), &api.url(), "{tokenFile: token}");
    let error = read_with(&api, &options, &all_kinds()).unwrap_err();
    assert!(error.usage && error.message.starts_with("cannot read the token file "), "{error}");
    std::fs::write(folder.path().join("token"), "\n").unwrap();
    let error = read_with(&api, &options, &all_kinds()).unwrap_err();
    assert!(error.usage && error.message.ends_with(" is empty"), "{error}");
    let both = kubeconfig(folder.path(), &api.url(), "{tokenFile: token, token: beside}");
    read_with(&api, &both, &only(&[Kind::Node])).unwrap();
    assert_eq!(api.requests_for("nodes")[0].header("authorization"), ["Bearer beside"]);
}

#[cfg(unix)]
#[test]
fn a_credential_plugin_runs_once_and_its_token_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let script = format!(
        "echo run >> {}\necho '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"fresh\"}}}}'\n",
        runs.display()
    );
    let user = plugin(folder.path(), &script);
    let api = FakeApi::start(cluster(), |_| None);
    let options = kubeconfig(folder.path(), &api.url(), &user);
    read_with(&api, &options, &only(&[Kind::Node, Kind::Pod])).unwrap();
    assert_eq!(api.requests_for("nodes")[0].header("authorization"), ["Bearer fresh"]);
    assert_eq!(api.requests_for("pods")[0].header("authorization"), ["Bearer fresh"]);
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n");
}

#[cfg(unix)]
#[test]
fn a_credential_plugin_that_fails_is_named_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let api = FakeApi::start(cluster(), |_| None);
    for (script, text) in [
        ("echo secret-token; exit 3", "the credential plugin `sh` failed (exit status: 3)"),
        ("echo secret-token", "the credential plugin `sh` gave no credentials"),
    ] {
        let options = kubeconfig(folder.path(), &api.url(), &plugin(folder.path(), script));
        let error = read_with(&api, &options, &all_kinds()).unwrap_err();
        assert_eq!(error.message, text);
        assert!(!error.hint.unwrap_or_default().contains("secret-token"));
    }
    assert!(api.requests().is_empty());
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin}}";
    let error = read_with(&api, &kubeconfig(folder.path(), &api.url(), user), &all_kinds()).unwrap_err();
    assert!(error.message.starts_with("the credential plugin `no-such-plugin` did not start"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_credential_plugin_that_hangs_meets_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let api = FakeApi::start(cluster(), |_| None);
    let options = kubeconfig(folder.path(), &api.url(), &plugin(folder.path(), "exec sleep 30"));
    let options = Options { request_timeout: Some(HURRIED), ..options };
    let error = read_with(&api, &options, &all_kinds()).unwrap_err();
    assert_eq!(error.message, "the credentials were not ready within 4 s");
}

#[test]
fn a_namespace_that_could_change_a_path_is_a_wrong_call() {
    let api = FakeApi::start(cluster(), |_| None);
    let wanted = live::Wanted { namespace: Some("kube-system/secrets".to_owned()), ..all_kinds() };
    assert!(read(&api, &wanted).unwrap_err().usage);
    assert!(api.requests().is_empty());
}
