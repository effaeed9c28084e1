//! Which addresses of receivers are taken. What a name means is looked at whenever it is dialled ([`super::dial`]); here is refused what
//! can be told from the text alone.
use std::net::IpAddr;

use url::{Host, Url};

use super::dial::{Network, outside};

/// Bytes of an address, at most.
pub const LONGEST: usize = 2000;

/// Why an address is not taken: a word for programs and a sentence for people.
pub type Refusal = (&'static str, &'static str);

/// Where may be sent, beside the world.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    allowed: Vec<Network>,
    development: bool,
}

impl Rules {
    /// These networks inside are allowed, over http as well. On somebody's desk that is, unless said otherwise, this machine; and http is allowed
    /// everywhere.
    #[must_use]
    pub fn new(networks: &[Network], development: bool) -> Self {
        let mut allowed = networks.to_vec();
        if development && allowed.is_empty() {
            allowed.extend(["127.0.0.0/8", "::1"].into_iter().filter_map(Network::parse));
        }
        Self { allowed, development }
    }

    /// The networks inside that may be dialled.
    #[must_use]
    pub fn allowed(&self) -> &[Network] {
        &self.allowed
    }

    /// Whether this address inside may be dialled.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.has(address))
    }

    /// Whether what is sent to this address may go without encryption.
    #[must_use]
    pub fn may_be_plain(&self, address: IpAddr) -> bool {
        self.development || self.allows(address)
    }

    /// Reads an address.
    pub fn read(&self, text: &str) -> Result<Url, Refusal> {
        if text.len() > LONGEST {
            return Err(("too_long", "must have at most 2000 bytes"));
        }
        // What browsers forgive is not forgiven here: two readers might take it for two addresses.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(("invalid", "must not contain white space, control characters or backslashes"));
        }
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return Err(("invalid", "must begin with https://"));
        }
        let url = Url::parse(text).map_err(|_| ("invalid", "is not an address such as https://example.com/hook"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(("not_allowed", "must not hold a user or a password: what is sent is signed"));
        }
        if url.fragment().is_some() {
            return Err(("not_allowed", "must not have a fragment, which is never sent"));
        }
        if url.port() == Some(0) {
            return Err(("invalid", "must not have port 0"));
        }
        let literal: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(four)) => Some(four.into()),
            Some(Host::Ipv6(six)) => Some(six.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(("invalid", "must name a host")),
        };
        if literal.is_some_and(|address| !outside(address) && !self.allows(address)) {
            return Err((
                "private_address",
                "must not be a private, local or reserved address; whoever runs the platform can allow some",
            ));
        }
        let plain = url.scheme() == "http";
        // What a name means is seen when it is dialled.
        if plain && !literal.map_or(self.development || !self.allowed.is_empty(), |address| self.may_be_plain(address))
        {
            return Err((
                "not_allowed",
                "must begin with https://: anybody on the way could read and change what is sent",
            ));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(networks: &[&str], development: bool) -> Rules {
        let networks: Vec<Network> = networks.iter().map(|network| Network::parse(network).unwrap()).collect();
        Rules::new(&networks, development)
    }

    fn code(rules: &Rules, text: &str) -> &'static str {
        rules.read(text).map_or_else(|(code, _)| code, |_| "taken")
    }

    #[test]
    fn addresses_in_the_world_are_taken_and_others_refused() {
        let rules = rules(&[], false);
        for (text, wanted) in [
            ("https://example.com/hook?a=b", "taken"),
            ("https://bücher.example:8443/", "taken"),
            ("https://8.8.8.8/", "taken"),
            ("https://[2606:4700:4700::1111]/", "taken"),
            ("http://example.com/", "not_allowed"),
            ("http://8.8.8.8/", "not_allowed"),
            ("https://ada:secret@example.com/", "not_allowed"),
            ("https://example.com/#here", "not_allowed"),
            ("https://127.0.0.1/", "private_address"),
            ("https://0x7f000001/", "private_address"),
            ("https://2130706433/", "private_address"),
            ("https://0177.0.0.1/", "private_address"),
            ("https://127.1/", "private_address"),
            ("https://①②⑦.0.0.1/", "private_address"),
            ("https://[::ffff:10.0.0.1]/", "private_address"),
            ("https://[::1]:8443/", "private_address"),
            ("https://[64:ff9b::a00:1]/", "private_address"),
            ("https://169.254.169.254/latest/meta-data", "private_address"),
            ("https:///hook", "private_or_other"),
            ("https://", "invalid"),
            ("https:example.com", "invalid"),
            ("HTTPS://example.com", "invalid"),
            ("ftp://example.com", "invalid"),
            ("file:///etc/passwd", "invalid"),
            ("https://exa mple.com", "invalid"),
            ("https://example.com\\@10.0.0.1/", "invalid"),
            ("https://example.com/\n", "invalid"),
            ("https://example.com:0/", "invalid"),
            ("https://example.com:70000/", "invalid"),
            ("", "invalid"),
        ] {
            if wanted == "private_or_other" {
                // WHATWG reads `https:///hook` as the host `hook`; a name is looked at when it is dialled.
                assert_eq!(rules.read(text).unwrap().host_str(), Some("hook"));
                continue;
            }
            assert_eq!(code(&rules, text), wanted, "{text}");
        }
        assert_eq!(code(&rules, &format!("https://example.com/{}", "a".repeat(LONGEST))), "too_long");
    }

    #[test]
    fn what_is_allowed_inside_may_be_plain_and_the_world_may_not() {
        let rules = rules(&["10.1.0.0/16"], false);
        for (text, wanted) in [
            ("http://10.1.2.3:9000/", "taken"),
            ("https://10.1.2.3/", "taken"),
            ("http://10.2.2.3/", "private_address"),
            ("http://8.8.8.8/", "not_allowed"),
            // Whether it means one that is allowed is seen when it is dialled.
            ("http://receiver.internal/", "taken"),
        ] {
            assert_eq!(code(&rules, text), wanted, "{text}");
        }
        assert!(!rules.may_be_plain("8.8.8.8".parse().unwrap()));
    }

    #[test]
    fn on_a_desk_this_machine_is_allowed_unless_others_are() {
        let desk = rules(&[], true);
        assert_eq!(code(&desk, "http://127.0.0.1:9000/"), "taken");
        assert_eq!(code(&desk, "http://[::1]:9000/"), "taken");
        assert_eq!(code(&desk, "http://example.com/"), "taken");
        assert_eq!(code(&desk, "http://10.0.0.1/"), "private_address");
        assert_eq!(code(&rules(&["10.0.0.0/8"], true), "http://127.0.0.1:9000/"), "private_address");
    }
}
