//! The kubeconfig as kubectl sees it: the flag's file, or the files of `KUBECONFIG`, or `~/.kube/config`.

use std::path::PathBuf;

use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster};

use super::options::Options;
use crate::source::SourceError;

/// The kubeconfig with one context chosen and the options applied.
pub(super) struct Chosen {
    pub(super) config: Kubeconfig,
    pub(super) context: String,
    pub(super) cluster: String,
    pub(super) user: String,
}

/// The namespace that commands without `-n` mean; runs no credential plugin and opens no connection.
///
/// # Errors
/// Where the kubeconfig cannot be read or lacks what the options name.
pub fn current_namespace(options: &Options) -> Result<String, SourceError> {
    let Some(chosen) = choose(options)? else { return Ok(namespace_of_pod()) };
    let context = chosen.config.contexts.into_iter().find(|named| named.name == chosen.context);
    let namespace = context.and_then(|named| named.context?.namespace);
    Ok(namespace.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned()))
}

/// Loads the kubeconfig and applies the options; `None` where there is none and the process runs in a pod.
pub(super) fn choose(options: &Options) -> Result<Option<Chosen>, SourceError> {
    let paths = paths(options);
    let mut config = load(&paths, options.kubeconfig.is_some())?;
    let empty = config.contexts.is_empty() && config.clusters.is_empty();
    if empty && options.server.is_none() {
        return if in_pod() { Ok(None) } else { Err(nothing_configured(&paths)) };
    }
    let context = match options.context.clone().or_else(|| config.current_context.clone()) {
        Some(name) => name,
        None if options.server.is_some() || options.cluster.is_some() => String::new(),
        None => return Err(no_context()),
    };
    let (cluster, user) = names(&mut config, &context, options)?;
    let mut chosen = Chosen { config, context, cluster, user };
    chosen.apply(options);
    Ok(Some(chosen))
}

/// The names of the cluster and the user; makes the context where the options do without one.
fn names(config: &mut Kubeconfig, context: &str, options: &Options) -> Result<(String, String), SourceError> {
    if context.is_empty() {
        let made = kube::config::NamedContext { context: Some(Context::default()), ..Default::default() };
        config.contexts.push(made);
    }
    let found = config.contexts.iter().find(|named| named.name == context).and_then(|named| named.context.clone());
    let Some(found) = found else { return Err(missing("context", context, &known(config))) };
    let cluster = options.cluster.clone().unwrap_or(found.cluster);
    let user = options.user.clone().or(found.user).unwrap_or_default();
    if options.user.is_some() && !config.auth_infos.iter().any(|named| named.name == user) {
        return Err(missing("user", &user, ""));
    }
    if !config.clusters.iter().any(|named| named.name == cluster) {
        if options.server.is_none() {
            return Err(missing("cluster", &cluster, ""));
        }
        config.clusters.push(NamedCluster { name: cluster.clone(), ..Default::default() });
    }
    if !config.auth_infos.iter().any(|named| named.name == user) {
        config.auth_infos.push(NamedAuthInfo { name: user.clone(), ..Default::default() });
    }
    Ok((cluster, user))
}

impl Chosen {
    /// The chosen cluster.
    pub(super) fn cluster(&self) -> Cluster {
        let named = self.config.clusters.iter().find(|named| named.name == self.cluster);
        named.and_then(|named| named.cluster.clone()).unwrap_or_default()
    }

    /// The command of the credential plugin, where the user has one.
    pub(super) fn plugin(&self) -> Option<String> {
        let named = self.config.auth_infos.iter().find(|named| named.name == self.user)?;
        named.auth_info.as_ref()?.exec.as_ref()?.command.clone()
    }

    fn apply(&mut self, options: &Options) {
        if let Some(named) = self.config.clusters.iter_mut().find(|named| named.name == self.cluster) {
            apply_to_cluster(named.cluster.get_or_insert_default(), options);
        }
        if let Some(named) = self.config.auth_infos.iter_mut().find(|named| named.name == self.user) {
            apply_to_user(named.auth_info.get_or_insert_default(), options);
        }
    }
}

fn apply_to_cluster(cluster: &mut Cluster, options: &Options) {
    if options.server.is_some() {
        cluster.server.clone_from(&options.server);
    }
    if let Some(name) = &options.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
    if let Some(path) = &options.certificate_authority {
        cluster.certificate_authority = Some(text(path));
        cluster.certificate_authority_data = None;
    }
    if options.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(true);
    }
}

fn apply_to_user(user: &mut AuthInfo, options: &Options) {
    if let Some(token) = &options.token {
        user.token = Some(token.clone().into());
        user.token_file = None;
        user.exec = None;
        user.auth_provider = None;
    }
    if let Some(path) = &options.client_certificate {
        user.client_certificate = Some(text(path));
        user.client_certificate_data = None;
    }
    if let Some(path) = &options.client_key {
        user.client_key = Some(text(path));
        user.client_key_data = None;
    }
    if options.as_user.is_some() {
        user.impersonate.clone_from(&options.as_user);
    }
    if !options.as_groups.is_empty() {
        user.impersonate_groups = Some(options.as_groups.clone());
    }
    if options.as_uid.is_some() {
        user.impersonate_uid.clone_from(&options.as_uid);
    }
}

fn text(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

fn paths(options: &Options) -> Vec<PathBuf> {
    if let Some(path) = &options.kubeconfig {
        return vec![path.clone()];
    }
    if let Some(list) = &options.environment.kubeconfig {
        return std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect();
    }
    options.environment.home.iter().map(|home| home.join(".kube").join("config")).collect()
}

/// Merges the files; those of a list may be missing, as for kubectl, but one named by the flag may not.
fn load(paths: &[PathBuf], must_exist: bool) -> Result<Kubeconfig, SourceError> {
    let mut merged = Kubeconfig::default();
    for path in paths {
        let mut config = match Kubeconfig::read_from(path) {
            Ok(config) => config,
            Err(KubeconfigError::ReadConfig(error, _))
                if !must_exist && error.kind() == std::io::ErrorKind::NotFound =>
            {
                continue;
            }
            Err(error) => return Err(SourceError::usage(explain(&error, &path.display().to_string()))),
        };
        config.current_context = config.current_context.filter(|name| !name.is_empty());
        merged = merged.merge(config).map_err(|error| SourceError::usage(explain(&error, "KUBECONFIG")))?;
    }
    Ok(merged)
}

/// Says what is wrong with a kubeconfig without quoting it, because it holds credentials.
pub(super) fn explain(error: &KubeconfigError, place: &str) -> String {
    match error {
        KubeconfigError::ReadConfig(error, _) => format!("cannot read the kubeconfig {place}: {error}"),
        KubeconfigError::Parse(error) => {
            let at = error.location().map(|at| format!(" (line {}, column {})", at.line(), at.column()));
            format!("{place} is not a kubeconfig: it cannot be parsed{}", at.unwrap_or_default())
        }
        other => format!("kubeconfig {place}: {other}"),
    }
}

fn in_pod() -> bool {
    kube::Config::incluster_env().is_ok()
}

fn namespace_of_pod() -> String {
    kube::Config::incluster_env().map_or_else(|_| "default".to_owned(), |config| config.default_namespace)
}

fn nothing_configured(paths: &[PathBuf]) -> SourceError {
    let looked: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let looked = if looked.is_empty() { "no place to look".to_owned() } else { looked.join(", ") };
    SourceError::usage(format!("no cluster is configured: no kubeconfig ({looked}), and this is not a pod"))
        .hinted("set KUBECONFIG or --kubeconfig, or read a dump with --from")
}

fn no_context() -> SourceError {
    SourceError::usage("the kubeconfig has no current context")
        .hinted("choose one with --context, or `kubectl config use-context`")
}

fn known(config: &Kubeconfig) -> String {
    config.contexts.iter().map(|named| named.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn missing(what: &str, name: &str, known: &str) -> SourceError {
    let error = SourceError::usage(format!("the kubeconfig has no {what} `{}`", name.escape_debug()));
    if known.is_empty() { error } else { error.hinted(format!("it has: {known}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::live::options::Environment;

    const TWO: &str = r#"
apiVersion: v1
kind: Config
current-context: blue
contexts:
- name: blue
  context: { cluster: blue, user: blue, namespace: vault }
- name: red
  context: { cluster: red, user: blue }
clusters:
- name: blue
  cluster: { server: "https://blue.example" }
- name: red
  cluster: { server: "https://red.example" }
users:
- name: blue
  user: { token: hush }
"#;

    fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn at(path: PathBuf) -> Options {
        Options { kubeconfig: Some(path), ..Options::default() }
    }

    fn chosen(options: &Options) -> Chosen {
        choose(options).unwrap().unwrap()
    }

    fn server(options: &Options) -> String {
        chosen(options).cluster().server.unwrap()
    }

    #[test]
    fn contexts_clusters_and_namespaces_are_chosen_as_kubectl_does() {
        let folder = tempfile::tempdir().unwrap();
        let options = at(write(&folder, "config", TWO));
        assert_eq!(chosen(&options).context, "blue");
        assert_eq!(server(&options), "https://blue.example");
        assert_eq!(current_namespace(&options).unwrap(), "vault");
        let red = Options { context: Some("red".to_owned()), ..options.clone() };
        assert_eq!(server(&red), "https://red.example");
        assert_eq!(current_namespace(&red).unwrap(), "default");
        let mixed = Options { cluster: Some("red".to_owned()), ..options.clone() };
        assert_eq!(server(&mixed), "https://red.example");
        assert_eq!(current_namespace(&mixed).unwrap(), "vault");
        let other = Options { server: Some("https://other.example".to_owned()), ..options };
        assert_eq!(server(&other), "https://other.example");
    }

    #[test]
    fn a_server_alone_needs_no_kubeconfig() {
        let options = Options { server: Some("http://127.0.0.1:8001".to_owned()), ..Options::default() };
        assert_eq!(server(&options), "http://127.0.0.1:8001");
    }

    #[test]
    fn a_list_of_files_is_merged_and_missing_ones_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(&folder, "first", "current-context: ''\n");
        let second = write(&folder, "second", TWO);
        let list = std::env::join_paths([first, folder.path().join("missing"), second]).unwrap();
        let environment = Environment { kubeconfig: Some(list), ..Environment::default() };
        let options = Options { environment, ..Options::default() };
        assert_eq!(chosen(&options).context, "blue");
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "config", TWO);
        let error = |options: Options| {
            let error = choose(&options).err().unwrap();
            assert!(error.usage);
            error
        };
        let unknown = error(Options { context: Some("green".to_owned()), ..at(path.clone()) });
        assert_eq!(unknown.message, "the kubeconfig has no context `green`");
        assert_eq!(unknown.hint.as_deref(), Some("it has: blue, red"));
        let unknown = error(Options { user: Some("green".to_owned()), ..at(path.clone()) });
        assert_eq!(unknown.message, "the kubeconfig has no user `green`");
        let unknown = error(Options { cluster: Some("green".to_owned()), ..at(path) });
        assert_eq!(unknown.message, "the kubeconfig has no cluster `green`");
        let missing = error(at(folder.path().join("missing")));
        assert!(missing.message.starts_with("cannot read the kubeconfig "), "{missing}");
        let nothing = error(Options::default());
        assert!(nothing.message.starts_with("no cluster is configured"), "{nothing}");
        let none = error(at(write(&folder, "none", &TWO.replace("current-context: blue", ""))));
        assert_eq!(none.message, "the kubeconfig has no current context");
    }

    #[test]
    fn a_broken_kubeconfig_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "config", &TWO.replace("token: hush", "token: [hush"));
        let error = choose(&at(path)).err().unwrap();
        assert!(!error.message.contains("hush"), "{error}");
        assert!(error.message.contains("is not a kubeconfig"), "{error}");
        let path = write(&folder, "html", "<html><body>hush</body></html>");
        let error = choose(&at(path)).err().unwrap();
        assert!(!error.message.contains("hush"), "{error}");
    }
}
