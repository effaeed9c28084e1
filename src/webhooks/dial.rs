//! Connections to addresses that tenants name. The address that is dialled is the one that was looked at: a name is looked up here, each
//! address it has is checked, and the connection goes to that address and not to the name, which might mean another a moment
//! later. An address inside (private, loopback, link-local, of a carrier, reserved, or one of those in the clothes of another) is
//! refused on every attempt, unless whoever runs the platform allows it.
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use hickory_resolver::TokioResolver;
use tokio::{net::TcpStream, time::timeout};

/// A network: addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// `10.1.0.0/16`, `fd00::/8`, or one address alone; none when it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let first: IpAddr = address.parse().ok()?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
        let network = Self { first, bits };
        // Bits that say nothing are a mistake of whoever wrote it.
        network.begins().then_some(network)
    }

    const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Self {
        Self { first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits }
    }

    const fn v6(first: [u16; 3], bits: u8) -> Self {
        let [a, b, c] = first;
        Self { first: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), bits }
    }

    fn begins(self) -> bool {
        match self.first {
            IpAddr::V4(first) => u32::from(first).checked_shl(u32::from(self.bits)).unwrap_or(0) == 0,
            IpAddr::V6(first) => u128::from(first).checked_shl(u32::from(self.bits)).unwrap_or(0) == 0,
        }
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn has(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                (u32::from(first) ^ u32::from(address)).checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                (u128::from(first) ^ u128::from(address)).checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// What is not out in the world (the registries of special addresses, RFC 6890, and multicast).
const INSIDE_V4: &[Network] = &[
    Network::v4(0, 0, 0, 0, 8),        // this network
    Network::v4(10, 0, 0, 0, 8),       // private
    Network::v4(100, 64, 0, 0, 10),    // a carrier's
    Network::v4(127, 0, 0, 0, 8),      // loopback
    Network::v4(169, 254, 0, 0, 16),   // link-local, where clouds tell secrets
    Network::v4(168, 63, 129, 16, 32), // what Azure answers its machines with
    Network::v4(172, 16, 0, 0, 12),    // private
    Network::v4(192, 0, 0, 0, 24),     // protocols
    Network::v4(192, 0, 2, 0, 24),     // documentation
    Network::v4(192, 31, 196, 0, 24),  // AS112
    Network::v4(192, 52, 193, 0, 24),  // AMT
    Network::v4(192, 88, 99, 0, 24),   // relays of 6to4
    Network::v4(192, 168, 0, 0, 16),   // private
    Network::v4(192, 175, 48, 0, 24),  // AS112
    Network::v4(198, 18, 0, 0, 15),    // benchmarks
    Network::v4(198, 51, 100, 0, 24),  // documentation
    Network::v4(203, 0, 113, 0, 24),   // documentation
    Network::v4(224, 0, 0, 0, 3),      // multicast, reserved, broadcast
];

/// Of the world in version 6 there is this alone, and what follows is cut out of it.
const WORLD_V6: Network = Network::v6([0x2000, 0, 0], 3);
const INSIDE_V6: &[Network] = &[
    Network::v6([0x2001, 0, 0], 23),         // protocols: Teredo, benchmarks, ORCHID
    Network::v6([0x2001, 0xdb8, 0], 32),     // documentation
    Network::v6([0x2620, 0x4f, 0x8000], 48), // AS112
    Network::v6([0x3fff, 0, 0], 20),         // documentation
];

/// The address of version 4 within one of version 6: mapped, compatible, translated (NAT64, its own prefix too) or 6to4.
fn clothed(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// Whether an address is out in the world.
#[must_use]
pub fn outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !INSIDE_V4.iter().any(|network| network.has(address)),
        // What is in another's clothes leads through a translator of ours, if anywhere: nobody's receiver has such an address.
        IpAddr::V6(six) => {
            clothed(six).is_none() && WORLD_V6.has(address) && !INSIDE_V6.iter().any(|network| network.has(address))
        }
    }
}

/// Why nobody was dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The name has an address inside.
    Inside(IpAddr),
    /// The name has no address, or nobody could say.
    Unknown,
    /// Nobody answers there, in time.
    Away,
}

/// Dials what tenants name.
pub struct Dialler {
    resolver: TokioResolver,
    allowed: Vec<Network>,
    patience: Duration,
}

impl Dialler {
    /// `allowed` are networks inside that may be dialled all the same.
    #[must_use]
    pub fn new(resolver: TokioResolver, allowed: Vec<Network>, patience: Duration) -> Self {
        Self { resolver, allowed, patience }
    }

    /// A connection to a host as an address of the web names it: a name, or an address, that of version 6 within brackets. It is for one
    /// message; the next one looks again.
    pub async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, Refused> {
        timeout(self.patience, self.connect(host, port)).await.unwrap_or(Err(Refused::Away))
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Refused> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let addresses: Vec<IpAddr> = match bare.parse() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.lookup_ip(host).await.map_err(|_| Refused::Unknown)?.iter().collect(),
        };
        let mut last = Refused::Unknown;
        // All of them first: a name of which one address is inside is not half a receiver.
        self.check(&addresses)?;
        for address in addresses {
            match TcpStream::connect(SocketAddr::new(address, port)).await {
                Ok(stream) => return Ok(stream),
                Err(_) => last = Refused::Away,
            }
        }
        Err(last)
    }

    fn check(&self, addresses: &[IpAddr]) -> Result<(), Refused> {
        let may = |address: &IpAddr| outside(*address) || self.allowed.iter().any(|network| network.has(*address));
        addresses.iter().find(|address| !may(address)).map_or(Ok(()), |inside| Err(Refused::Inside(*inside)))
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::{Resolver, config::ResolverConfig, net::runtime::TokioRuntimeProvider};
    use proptest::prelude::*;

    use super::*;

    /// Asks nobody: what is an address needs no look-up, and names are in no table.
    fn dialler(allowed: &[&str]) -> Dialler {
        let config = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap();
        let allowed = allowed.iter().map(|network| Network::parse(network).unwrap()).collect();
        Dialler::new(resolver, allowed, Duration::from_secs(2))
    }

    #[test]
    fn addresses_inside_are_told_from_those_in_the_world() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!outside(inside.parse().unwrap()), "{inside}");
        }
        for world in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "192.169.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "2003::1",
        ] {
            assert!(outside(world.parse().unwrap()), "{world}");
        }
    }

    proptest! {
        #[test]
        fn what_is_inside_is_inside_in_whatever_clothes(address: u32, prefix in 0_usize..4) {
            let four = Ipv4Addr::from(address);
            let [a, b, c, d] = four.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            let six = match prefix {
                0 => four.to_ipv6_mapped(),
                1 => Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                2 => Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                _ => Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            };
            prop_assert_eq!(clothed(six), Some(four));
            prop_assert!(!outside(six.into()));
        }

        #[test]
        fn a_network_has_the_addresses_that_begin_as_it_does(address: u128, bits in 0_u8..=128) {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            let first = Ipv6Addr::from(address & mask);
            let network = Network::parse(&format!("{first}/{bits}")).unwrap();
            prop_assert!(network.has(Ipv6Addr::from(address).into()));
            if bits > 0 {
                prop_assert!(!network.has(Ipv6Addr::from(address ^ 1 << (128 - bits)).into()));
            }
        }
    }

    #[test]
    fn a_network_that_is_none_is_not_read() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "fd00::/129",
            "fd00::1/8",
            "10.0.0.0/",
            "/8",
            "example.com",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        assert!(Network::parse("0.0.0.0/0").unwrap().has("9.9.9.9".parse().unwrap()));
        assert!(!Network::parse("0.0.0.0/0").unwrap().has("::1".parse().unwrap()));
    }

    #[tokio::test]
    async fn a_receiver_inside_is_not_dialled_unless_it_is_allowed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let refused = dialler(&["127.0.0.2", "10.0.0.0/8"]).dial("127.0.0.1", port).await;
        assert_eq!(refused.unwrap_err(), Refused::Inside(here));
        for clothes in ["[::ffff:127.0.0.1]", "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[::1]"] {
            let refused = dialler(&["127.0.0.0/8"]).dial(clothes, port).await;
            assert!(matches!(refused, Err(Refused::Inside(_))), "{clothes}: {refused:?}");
        }
        assert!(tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err(), "nobody came");
        let dialled = dialler(&["127.0.0.0/8"]).dial("127.0.0.1", port).await.unwrap();
        assert_eq!(dialled.peer_addr().unwrap(), SocketAddr::new(here, port));
    }

    #[test]
    fn a_name_of_which_one_address_is_inside_is_refused_whole() {
        let [world, inside]: [IpAddr; 2] = ["8.8.8.8", "10.0.0.1"].map(|address| address.parse().unwrap());
        assert_eq!(dialler(&[]).check(&[world]), Ok(()));
        assert_eq!(dialler(&[]).check(&[world, inside]), Err(Refused::Inside(inside)));
        assert_eq!(dialler(&["10.0.0.1"]).check(&[world, inside]), Ok(()));
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_and_a_port_where_nobody_is_are_told_apart() {
        assert_eq!(dialler(&[]).dial("nowhere.invalid", 443).await.unwrap_err(), Refused::Unknown);
        // Whoever held the port a moment ago has gone.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(dialler(&["127.0.0.1"]).dial("127.0.0.1", port).await.unwrap_err(), Refused::Away);
    }
}
