//! Network policies (`pkg/apis/networking/validation`).

use std::net::IpAddr;

use serde_json::Value;

use super::super::field::{Errors, Path};
use super::super::json::{at, list, number, some_text, text, texts};
use super::names::{port_name, port_number, subdomain};
use super::{meta, selector};

/// The release from which on it is checked last that a block has addresses, by rules that are generated from the types
/// (`zz_generated.validations.go`).
const GENERATED: u32 = 37;
/// The release from which on addresses are read strictly (`StrictIPCIDRValidation`).
const STRICT: u32 = 36;
/// Directions, each with the field that lists its peers.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

/// `ValidateNetworkPolicy`, and `ValidateNetworkPolicyUpdate` where there is an old one.
pub(super) fn policy(object: &Value, old: Option<&Value>, minor: u32, errors: &mut Errors) {
    meta::validate(object, true, subdomain, errors);
    let (path, nothing) = (Path::new("spec"), Value::Null);
    let spec = at(object, "/spec").unwrap_or(&nothing);
    if let Some(own) = at(spec, "/podSelector") {
        selector::validate(own, &path.child("podSelector"), errors);
    }
    let known = old.and_then(|old| at(old, "/spec")).map(blocks_known).unwrap_or_default();
    for (direction, peers) in DIRECTIONS {
        for (index, rule) in list(spec, &format!("/{direction}")).iter().enumerate() {
            let path = path.child(direction).index(index);
            for (nth, own) in list(rule, "/ports").iter().enumerate() {
                port(own, &path.child("ports").index(nth), minor, errors);
            }
            for (nth, own) in list(rule, &format!("/{peers}")).iter().enumerate() {
                peer(own, &known, &path.child(peers).index(nth), minor, errors);
            }
        }
    }
    types(spec, &path.child("policyTypes"), errors);
    if minor >= GENERATED {
        let without = blocks(spec).into_iter().filter(|(_, block)| text(block, "/cidr").is_empty());
        without.for_each(|(path, _)| errors.required(&path.child("cidr"), ""));
    }
}

/// The blocks of all peers.
fn blocks(spec: &Value) -> Vec<(Path, &Value)> {
    let mut all = Vec::new();
    for (direction, peers) in DIRECTIONS {
        for (index, rule) in list(spec, &format!("/{direction}")).iter().enumerate() {
            for (nth, peer) in list(rule, &format!("/{peers}")).iter().enumerate() {
                let path = Path::new("spec").child(direction).index(index).child(peers).index(nth).child("ipBlock");
                all.extend(at(peer, "/ipBlock").map(|block| (path, block)));
            }
        }
    }
    all
}

/// Addresses that are there already and therefore stay allowed.
fn blocks_known(spec: &Value) -> Vec<&str> {
    let all = blocks(spec).into_iter();
    all.flat_map(|(_, block)| texts(block, "/except").into_iter().chain([text(block, "/cidr")])).collect()
}

/// `ValidateNetworkPolicyPort`
fn port(port: &Value, path: &Path, minor: u32, errors: &mut Errors) {
    let known = ["TCP", "UDP", "SCTP"];
    if let Some(protocol) = some_text(port, "/protocol").filter(|protocol| !known.contains(protocol)) {
        errors.unsupported(&path.child("protocol"), protocol, &known);
    }
    let (field, last, end) = (path.child("port"), number(port, "/endPort"), path.child("endPort"));
    match at(port, "/port") {
        Some(Value::String(name)) => {
            if let Some(last) = last {
                errors.invalid(&end, last, "may not be specified when `port` is non-numeric");
            }
            errors.all_invalid(&field, name, port_name(name));
        }
        Some(own) => {
            let own = own.as_i64().unwrap_or(0);
            port_number(own).iter().for_each(|wrong| errors.invalid(&field, own, wrong));
            let Some(last) = last else { return };
            if last < own {
                let shown = if minor < GENERATED { own } else { last };
                errors.invalid(&end, shown, "must be greater than or equal to `port`");
            }
            port_number(last).iter().for_each(|wrong| errors.invalid(&end, last, wrong));
        }
        None => {
            if let Some(last) = last {
                errors.invalid(&end, last, "may not be specified when `port` is not specified");
            }
        }
    }
}

/// `ValidateNetworkPolicyPeer`
fn peer(peer: &Value, known: &[&str], path: &Path, minor: u32, errors: &mut Errors) {
    let mut selectors = 0;
    for field in ["podSelector", "namespaceSelector"] {
        if let Some(own) = at(peer, &format!("/{field}")) {
            selectors += 1;
            selector::validate(own, &path.child(field), errors);
        }
    }
    match at(peer, "/ipBlock") {
        Some(own) => {
            block(own, known, &path.child("ipBlock"), minor, errors);
            if selectors > 0 {
                errors.forbidden(path, "may not specify both ipBlock and another peer");
            }
        }
        None if selectors == 0 => errors.required(path, "must specify a peer"),
        None => {}
    }
}

/// `ValidateIPBlock`
fn block(block: &Value, known: &[&str], path: &Path, minor: u32, errors: &mut Errors) {
    let strict = minor >= STRICT;
    let all = match text(block, "/cidr") {
        "" if minor >= GENERATED => return,
        "" => return errors.required(&path.child("cidr"), ""),
        all => all,
    };
    range_of(all, known, strict, &path.child("cidr"), errors);
    let Some(whole) = Range::parse(all) else { return };
    for (index, text) in texts(block, "/except").into_iter().enumerate() {
        let path = path.child("except").index(index);
        range_of(text, known, strict, &path, errors);
        if Range::parse(text).is_some_and(|part| !whole.has(&part) || whole.length >= part.length) {
            errors.invalid(&path, text, "must be a strict subset of `cidr`");
        }
    }
}

/// `IsValidCIDRForLegacyField`
fn range_of(text: &str, known: &[&str], strict: bool, path: &Path, errors: &mut Errors) {
    if known.contains(&text) {
        return;
    }
    match Range::parse(text) {
        None => errors.invalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
        Some(range) if strict => range.faults(text).iter().for_each(|wrong| errors.invalid(path, text, wrong)),
        Some(_) => {}
    }
}

/// Addresses that have the first bits in common.
struct Range {
    /// The address as it is written.
    address: IpAddr,
    /// How many bits.
    length: u32,
}

impl Range {
    /// `ParseCIDRSloppy`: zeros may lead numbers.
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let number = |text: &str, most: usize| {
            let fit = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
            fit.then(|| text.parse::<u32>().ok()).flatten()
        };
        let address = match address.contains(':') {
            true => address.parse().ok()?,
            false => {
                let parts: Vec<String> =
                    address.split('.').map(|part| Some(number(part, 8)?.to_string())).collect::<Option<_>>()?;
                parts.join(".").parse().ok()?
            }
        };
        let bits = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let length = number(length, 8).filter(|length| *length <= bits)?;
        Some(Self { address, length })
    }

    /// What is wrong with a range for a strict reader.
    fn faults(&self, text: &str) -> Option<&'static str> {
        let plain = format!("/{}", self.length);
        let zeros =
            !text.ends_with(&plain) || text.split_once('/').is_none_or(|(own, _)| own.parse::<IpAddr>().is_err());
        let mapped = matches!(self.address, IpAddr::V6(own) if own.to_ipv4_mapped().is_some());
        match self.first_bits(self.length) != self.bits() {
            _ if zeros => Some("must not have leading 0s in IP or prefix length"),
            _ if mapped => Some("must not have an IPv4-mapped IPv6 address"),
            true => Some("must not have bits set beyond the prefix length"),
            false => None,
        }
    }

    fn bits(&self) -> u128 {
        match self.address {
            IpAddr::V4(own) => u128::from(u32::from(own)) << 96,
            IpAddr::V6(own) => u128::from(own),
        }
    }

    fn first_bits(&self, length: u32) -> u128 {
        self.bits() & u128::MAX.checked_shl(128 - length).unwrap_or(0)
    }

    /// Whether the first address of another range lies in this one.
    fn has(&self, other: &Self) -> bool {
        self.address.is_ipv4() == other.address.is_ipv4()
            && self.first_bits(self.length) == other.first_bits(other.length.min(self.length))
    }
}

/// The directions that a policy is for.
fn types(spec: &Value, path: &Path, errors: &mut Errors) {
    let (types, known) = (texts(spec, "/policyTypes"), ["Ingress", "Egress"]);
    if types.len() > known.len() {
        return errors.invalid(path, types, "may not specify more than two policyTypes");
    }
    for (index, own) in types.into_iter().enumerate().filter(|(_, own)| !known.contains(own)) {
        errors.unsupported(&path.index(index), own, &known);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(spec: &Value, old: Option<&Value>, minor: u32) -> String {
        let object = |spec: &Value| json!({"metadata": {"name": "a", "namespace": "b"}, "spec": spec});
        let mut errors = Errors::default();
        policy(&object(spec), old.map(object).as_ref(), minor, &mut errors);
        errors.message("", "X", "").map_or_else(String::new, |message| message.replacen("X \"\" is invalid: ", "", 1))
    }

    fn from(peer: Value) -> Value {
        json!({"podSelector": {}, "ingress": [{"from": [peer]}]})
    }

    #[test]
    fn ports_are_numbers_or_names() {
        let of = |port: Value| told(&json!({"egress": [{"ports": [port]}]}), None, 37);
        assert_eq!(of(json!({"port": 80, "endPort": 90, "protocol": "SCTP"})), "");
        assert_eq!(
            of(json!({"port": "80", "protocol": "ICMP"})),
            "[spec.egress[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"TCP\", \"UDP\", \"SCTP\", \
             spec.egress[0].ports[0].port: Invalid value: \"80\": must contain at least one letter (a-z)]"
        );
        assert_eq!(
            of(json!({"port": 80, "endPort": 70})),
            "spec.egress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`"
        );
        assert_eq!(
            of(json!({"endPort": 70})),
            "spec.egress[0].ports[0].endPort: Invalid value: 70: may not be specified when `port` is not specified"
        );
        assert_eq!(
            told(&json!({"egress": [{"ports": [{"port": 80, "endPort": 70}]}]}), None, 36),
            "spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`"
        );
    }

    #[test]
    fn a_peer_is_selected_or_a_block() {
        assert_eq!(told(&from(json!({})), None, 37), "spec.ingress[0].from[0]: Required value: must specify a peer");
        assert_eq!(
            told(&from(json!({"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}})), None, 37),
            "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"
        );
        assert_eq!(told(&from(json!({"podSelector": {}, "namespaceSelector": {}})), None, 37), "");
        assert_eq!(
            told(&from(json!({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}})), None, 37),
            "spec.ingress[0].from[0].podSelector.matchExpressions[0].values: Required value: must be specified when `operator` \
             is 'In' or 'NotIn'"
        );
    }

    #[test]
    fn blocks_are_ranges_of_addresses() {
        let of = |cidr: &str, except: &[&str], minor| {
            told(&from(json!({"ipBlock": {"cidr": cidr, "except": except}})), None, minor)
        };
        let wrong = |field: &str, value: &str, what: &str| {
            format!("spec.ingress[0].from[0].ipBlock.{field}: Invalid value: \"{value}\": {what}")
        };
        assert_eq!(of("10.0.0.0/8", &["10.1.0.0/16", "10.2.3.4/32"], 37), "");
        assert_eq!(of("::/0", &["2001:db8::/64"], 37), "");
        let invalid = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        for text in ["10.0.0.1", "10.0.0.0/33", "10.0.0/8", "host/8", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert_eq!(of(text, &[], 37), wrong("cidr", text, invalid));
        }
        let loose = [
            ("10.1.0.0/8", "must not have bits set beyond the prefix length"),
            ("010.0.0.0/8", "must not have leading 0s in IP or prefix length"),
            ("10.0.0.0/08", "must not have leading 0s in IP or prefix length"),
            ("::ffff:10.0.0.0/104", "must not have an IPv4-mapped IPv6 address"),
        ];
        for (text, what) in loose {
            assert_eq!(of(text, &[], 37), wrong("cidr", text, what));
            assert_eq!(of(text, &[], 35), "", "{text} was taken before 1.36");
        }
        for part in ["10.0.0.0/8", "11.0.0.0/16", "::/64"] {
            assert_eq!(of("10.0.0.0/8", &[part], 37), wrong("except[0]", part, "must be a strict subset of `cidr`"));
        }
    }

    #[test]
    fn what_is_there_already_stays_allowed() {
        let spec = from(json!({"ipBlock": {"cidr": "10.1.0.0/8"}}));
        assert_eq!(told(&spec, Some(&spec), 37), "");
        assert_ne!(told(&spec, Some(&from(json!({"ipBlock": {"cidr": "10.2.0.0/8"}}))), 37), "");
    }

    #[test]
    fn that_a_block_is_empty_is_told_last() {
        let mut spec = from(json!({"ipBlock": {}}));
        spec["policyTypes"] = json!(["Both"]);
        let (types, empty) = (
            "spec.policyTypes[0]: Unsupported value: \"Both\": supported values: \"Ingress\", \"Egress\"",
            "spec.ingress[0].from[0].ipBlock.cidr: Required value",
        );
        assert_eq!(told(&spec, None, 37), format!("[{types}, {empty}]"));
        assert_eq!(told(&spec, None, 36), format!("[{empty}, {types}]"));
        spec["policyTypes"] = json!(["Ingress", "Egress", "Ingress"]);
        spec["ingress"] = json!([]);
        assert_eq!(
            told(&spec, None, 37),
            "spec.policyTypes: Invalid value: [\"Ingress\",\"Egress\",\"Ingress\"]: may not specify more than two policyTypes"
        );
    }
}
