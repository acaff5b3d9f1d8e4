//! Which proxy stands between here and the server, as Go's `httpproxy` decides it for kubectl.
//!
//! kube's own reading of the environment holds `NO_PROXY` against the proxy's address instead of the server's, so
//! its answer is not used.

use std::net::IpAddr;

use super::options::Environment;

/// The proxy that the environment names for a server, as it stands there.
pub(super) fn from_environment(environment: &Environment, server: &http::Uri) -> Option<String> {
    let secure = server.scheme_str() == Some("https");
    let proxy = if secure { &environment.https_proxy } else { &environment.http_proxy };
    let proxy = proxy.as_deref()?.trim();
    let host = server.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let spared = is_local(&host) || excluded(environment.no_proxy.as_deref().unwrap_or_default(), &host, port);
    (!spared && !proxy.is_empty()).then(|| with_scheme(proxy))
}

fn with_scheme(proxy: &str) -> String {
    if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn excluded(no_proxy: &str, host: &str, port: u16) -> bool {
    no_proxy.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| matches(entry, host, port))
}

fn matches(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = entry.split_once('/') {
        return host.parse().is_ok_and(|host| in_network(host, network, length));
    }
    let (name, only_port) = split_port(entry);
    if only_port.is_some_and(|only| only != port) {
        return false;
    }
    let name = name.to_ascii_lowercase();
    if let Ok(address) = name.parse::<IpAddr>() {
        return host.parse() == Ok(address);
    }
    let name = name.strip_prefix('*').unwrap_or(&name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    match entry.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
        Some((name, Ok(port))) => (name.trim_start_matches('[').trim_end_matches(']'), Some(port)),
        _ => (entry.trim_start_matches('[').trim_end_matches(']'), None),
    }
}

fn in_network(host: IpAddr, network: &str, length: &str) -> bool {
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let (host, network, width) = match (host, network) {
        (IpAddr::V4(host), IpAddr::V4(network)) => (u128::from(host.to_bits()), u128::from(network.to_bits()), 32),
        (IpAddr::V6(host), IpAddr::V6(network)) => (host.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    length <= width && (host ^ network).checked_shr(width - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(no_proxy: &str, server: &str) -> Option<String> {
        let environment = Environment {
            https_proxy: Some("proxy.example:3128".to_owned()),
            http_proxy: Some("http://plain.example".to_owned()),
            no_proxy: Some(no_proxy.to_owned()),
            ..Environment::default()
        };
        from_environment(&environment, &server.parse().unwrap())
    }

    #[test]
    fn the_scheme_of_the_server_chooses_the_proxy() {
        assert_eq!(proxy("", "https://api.example:6443").as_deref(), Some("http://proxy.example:3128"));
        assert_eq!(proxy("", "http://api.example").as_deref(), Some("http://plain.example"));
    }

    #[test]
    fn servers_on_this_machine_are_reached_directly() {
        for server in ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"] {
            assert_eq!(proxy("", server), None, "{server}");
        }
    }

    #[test]
    fn no_proxy_is_held_against_the_server() {
        for (no_proxy, server) in [
            ("*", "https://api.example"),
            ("api.example", "https://api.example:6443"),
            ("example", "https://api.example"),
            (".example", "https://api.example"),
            ("*.example", "https://api.example"),
            ("api.example:6443", "https://api.example:6443"),
            (",, 10.0.0.0/8 ,", "https://10.1.2.3:6443"),
            ("10.1.2.3", "https://10.1.2.3:6443"),
            ("fd00::/8", "https://[fd12::1]:6443"),
            ("0.0.0.0/0", "https://10.1.2.3"),
        ] {
            assert_eq!(proxy(no_proxy, server), None, "{no_proxy} {server}");
        }
        for (no_proxy, server) in [
            ("proxy.example", "https://api.example"),
            (".api.example", "https://api.example"),
            ("ple", "https://api.example"),
            ("api.example:443", "https://api.example:6443"),
            ("10.0.0.0/8", "https://11.1.2.3"),
            ("10.0.0.0/99", "https://10.1.2.3"),
            ("10.0.0.0/8", "https://ten.example"),
        ] {
            assert!(proxy(no_proxy, server).is_some(), "{no_proxy} {server}");
        }
    }
}
