//! Addresses of networks and of their interfaces.

use super::{Malformed, wire::Input};
#[cfg(feature = "with-ipnetwork")]
use super::{Unsupported, wire};
#[cfg(feature = "with-ipnetwork")]
use sea_orm::prelude::IpNetwork;
#[cfg(feature = "with-mac_address")]
use sea_orm::sea_query::value::prelude::MacAddress;
#[cfg(feature = "with-ipnetwork")]
use std::net::IpAddr;

/// The prefix and the octets of the address, those of the host included.
#[cfg(feature = "with-ipnetwork")]
pub(super) fn write_network(out: &mut Vec<u8>, network: IpNetwork) -> Result<(), Unsupported> {
    let mut bytes = [0; 17];
    bytes[0] = network.prefix();
    match network.ip() {
        IpAddr::V4(ip) => {
            bytes[1..5].copy_from_slice(&ip.octets());
            wire::binary(out, &bytes[..5])
        }
        IpAddr::V6(ip) => {
            bytes[1..].copy_from_slice(&ip.octets());
            wire::binary(out, &bytes)
        }
    }
}

#[cfg(feature = "with-ipnetwork")]
pub(super) fn read_network(input: &mut Input<'_>) -> Result<IpNetwork, Malformed> {
    let (&prefix, octets) = input.binary()?.split_first().ok_or(Malformed)?;
    let ip = if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        IpAddr::from(octets)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(octets).map_err(|_| Malformed)?)
    };
    IpNetwork::new(ip, prefix).map_err(|_| Malformed)
}

#[cfg(feature = "with-mac_address")]
pub(super) fn read_mac(input: &mut Input<'_>) -> Result<MacAddress, Malformed> {
    input.bytes().map(MacAddress::new)
}
