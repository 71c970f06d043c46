//! Where a node of a Cluster sends those who ask it for what it does not hold.

use crate::store::redis::address::Address;
use crate::store::redis::wire::WireError;

/// The answers `MOVED` and `ASK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// Another node holds the slot from now on.
    Moved { slot: u16, to: Address },
    /// The slot is moving there, and this key has moved already, or is new. To be asked there just this once, after
    /// `ASKING`.
    Ask { to: Address },
}

/// Whether the node sends this command elsewhere.
pub(super) fn is_redirection(error: &WireError) -> bool {
    matches!(error.code(), "MOVED" | "ASK")
}

impl Redirect {
    /// What this error of the node with this address says.
    pub(super) fn of(error: &WireError, asked: &Address) -> Option<Self> {
        if !is_redirection(error) {
            return None;
        }
        let mut words = error.text().split(' ').skip(1);
        let (slot, to) = (words.next()?.parse().ok()?, words.next()?);
        // A node that does not know a host leaves it out.
        let to = match to.strip_prefix(':').and_then(|port| port.parse().ok()) {
            Some(port) => asked.sibling(port)?,
            None => Address::parse(to)?,
        };
        Some(if error.code() == "MOVED" { Self::Moved { slot, to } } else { Self::Ask { to } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::redis::wire::WireErrorKind;

    #[test]
    fn redirections_name_a_slot_and_a_node() {
        let asked = Address::tcp("seed", 7);
        let of = |text: &str| Redirect::of(&WireError::new(WireErrorKind::Answer, text), &asked);
        assert_eq!(
            of("MOVED 3999 ::1:6381"),
            Some(Redirect::Moved { slot: 3_999, to: Address::tcp("::1", 6_381) })
        );
        assert_eq!(
            of("MOVED 3999 :6381"),
            Some(Redirect::Moved { slot: 3_999, to: Address::tcp("seed", 6_381) })
        );
        assert_eq!(of("ASK 1 host:6381"), Some(Redirect::Ask { to: Address::tcp("host", 6_381) }));
        assert_eq!(of("MOVED x host:6381"), None);
        assert_eq!(of("ERR MOVED 1 host:6381"), None);
    }
}
