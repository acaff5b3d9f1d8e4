//! From the kubeconfig to a client. Everything here may block (files, credential plugins), so it runs on a thread
//! of its own, under the deadline.

use kube::client::{ClientBuilder, ConfigExt};
use kube::config::{AuthInfo, KubeConfigOptions};
use kube::{Client, Config};
use tower::buffer::BufferLayer;

use super::kubeconfig::{self, Chosen};
use super::options::Options;
use super::proxy;
use crate::source::SourceError;

/// Requests that may wait for the layer that adds credentials.
const QUEUE: usize = 64;

/// A client, and what messages call its server.
pub(super) struct Connection {
    pub(super) client: Client,
    /// The server's address.
    pub(super) server: String,
    /// The namespace of the context or pod.
    pub(super) namespace: String,
}

/// Makes a client. No request is sent yet, but a credential plugin may run.
pub(super) async fn connect(options: &Options) -> Result<Connection, SourceError> {
    let deadline = options.deadline();
    let options = options.clone();
    let handle = tokio::runtime::Handle::current();
    let work = tokio::task::spawn_blocking(move || handle.block_on(prepare(&options)));
    match tokio::time::timeout(deadline, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(SourceError::usage("the kubeconfig or its certificates could not be read")),
        Err(_) => {
            let message = format!("the credentials were not ready within {} s", deadline.as_secs_f32());
            let hint = "does the credential plugin or the kubeconfig wait for input? --request-timeout gives more time";
            Err(SourceError::unreadable(message).hinted(hint))
        }
    }
}

async fn prepare(options: &Options) -> Result<Connection, SourceError> {
    let chosen = kubeconfig::choose(options)?;
    let mut config = match &chosen {
        Some(chosen) => configure(chosen, options).await?,
        None => in_pod(options)?,
    };
    check_address(&config.cluster_url)?;
    read_token_file(&mut config.auth_info)?;
    config.default_retry = false;
    config.connect_timeout = Some(options.silence());
    let (server, namespace) = (config.cluster_url.to_string(), config.default_namespace.clone());
    let plugin = chosen.as_ref().and_then(Chosen::plugin);
    let client = build(config).map_err(|error| refused(&error, plugin.as_deref()))?;
    Ok(Connection { client, server: server.trim_end_matches('/').to_owned(), namespace })
}

fn in_pod(options: &Options) -> Result<Config, SourceError> {
    let mut config = Config::incluster_env()
        .map_err(|error| SourceError::usage(format!("cannot use the pod's service account: {error}")))?;
    config.auth_info.impersonate.clone_from(&options.as_user);
    config.auth_info.impersonate_uid.clone_from(&options.as_uid);
    config.auth_info.impersonate_groups = Some(options.as_groups.clone()).filter(|groups| !groups.is_empty());
    Ok(config)
}

async fn configure(chosen: &Chosen, options: &Options) -> Result<Config, SourceError> {
    let choice = KubeConfigOptions {
        context: Some(chosen.context.clone()),
        cluster: Some(chosen.cluster.clone()),
        user: Some(chosen.user.clone()),
    };
    let mut config = Config::from_custom_kubeconfig(chosen.config.clone(), &choice)
        .await
        .map_err(|error| SourceError::usage(kubeconfig::explain(&error, &format!("context {}", chosen.context))))?;
    let named = chosen.cluster().proxy_url.filter(|url| !url.is_empty());
    config.proxy_url = match named.or_else(|| proxy::from_environment(&options.environment, &config.cluster_url)) {
        Some(url) => Some(url.parse().map_err(|_| SourceError::usage("the proxy's address is not a URL"))?),
        None => None,
    };
    Ok(config)
}

/// Refuses an address that kube would panic on.
fn check_address(server: &http::Uri) -> Result<(), SourceError> {
    if matches!(server.scheme_str(), Some("http" | "https")) && server.host().is_some_and(|host| !host.is_empty()) {
        return Ok(());
    }
    Err(SourceError::usage(format!("the server's address `{server}` is not an http or https URL")))
}

/// Reads the token file as client-go does: trimmed, and before a token that stands beside it. kube does neither.
#[expect(clippy::disallowed_methods, reason = "credentials are read where connections are made")]
fn read_token_file(user: &mut AuthInfo) -> Result<(), SourceError> {
    let Some(path) = user.token_file.take() else { return Ok(()) };
    match std::fs::read_to_string(&path) {
        Ok(token) if !token.trim().is_empty() => user.token = Some(token.trim().to_owned().into()),
        _ if user.token.is_some() => {}
        Ok(_) => return Err(SourceError::usage(format!("the token file {path} is empty"))),
        Err(error) => return Err(SourceError::usage(format!("cannot read the token file {path}: {error}"))),
    }
    Ok(())
}

/// Builds the client so that a credential plugin which gives a token runs once: kube alone would run it three times.
fn build(mut config: Config) -> Result<Client, kube::Error> {
    let plugin = config.auth_info.exec.is_some() || config.auth_info.auth_provider.is_some();
    if plugin && let Some(credentials) = config.auth_layer()? {
        config.auth_info = without_plugin(config.auth_info);
        return Ok(ClientBuilder::try_from(config)?
            .with_layer(&BufferLayer::new(QUEUE))
            .with_layer(&credentials)
            .build());
    }
    Ok(ClientBuilder::try_from(config)?.build())
}

fn without_plugin(user: AuthInfo) -> AuthInfo {
    AuthInfo { exec: None, auth_provider: None, token: None, token_file: None, username: None, password: None, ..user }
}

/// Says why there is no client. Never quotes a plugin's output or environment, which hold credentials.
fn refused(error: &kube::Error, plugin: Option<&str>) -> SourceError {
    use kube::client::AuthError;
    let plugin = plugin.unwrap_or("the credential plugin");
    match error {
        kube::Error::Auth(AuthError::AuthExecStart(cause)) => {
            SourceError::unreadable(format!("the credential plugin `{plugin}` did not start: {cause}"))
                .hinted("install it, or choose another user or context")
        }
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => {
            SourceError::unreadable(format!("the credential plugin `{plugin}` failed ({})", out.status))
                .hinted("run it by hand to see why; a login may have expired")
        }
        kube::Error::Auth(AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed) => {
            SourceError::unreadable(format!("the credential plugin `{plugin}` gave no credentials"))
        }
        kube::Error::ProxyProtocolUnsupported { .. } => {
            SourceError::usage("the proxy's protocol is not supported").hinted("use http, https or socks5")
        }
        kube::Error::InferKubeconfig(cause) => SourceError::usage(kubeconfig::explain(cause, "credentials")),
        other => SourceError::unreadable(format!("cannot prepare the connection: {other}")),
    }
}
