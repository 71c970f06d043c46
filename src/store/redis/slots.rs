//! Which node of a Cluster holds which key.

use super::address::Address;
use super::wire::RespValue;

/// The hash slots of every Cluster.
pub(super) const SLOTS: u16 = 16_384;

/// A run of slots and the primary that holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotRange {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) primary: Address,
}

/// The slot of a key: that of what stands between its first braces, if something does. As the specification of Redis
/// Cluster has it.
pub(super) fn slot_of(key: &str) -> u16 {
    let key = key.as_bytes();
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(key)) % SLOTS
}

/// The answer to `CLUSTER SLOTS` of the node with this address; `None` if it is none.
pub(super) fn slot_ranges(answer: RespValue, asked: &Address) -> Option<Vec<SlotRange>> {
    let mut ranges = Vec::new();
    for range in answer.into_array()? {
        let mut fields = range.into_array()?.into_iter();
        let (first, last) = (number(fields.next()?)?, number(fields.next()?)?);
        let mut primary = fields.next()?.into_array()?.into_iter();
        let (host, port) = (primary.next()?, number(primary.next()?)?);
        // A node that does not know its own host, or that of another, leaves it out.
        let host = host.into_text().filter(|host| !matches!(host.as_str(), "" | "?"));
        let primary = match host {
            Some(host) => Address::tcp(&host, port),
            None => asked.sibling(port)?,
        };
        (first <= last && last < SLOTS).then_some(())?;
        ranges.push(SlotRange { first, last, primary });
    }
    ranges.sort_by_key(|range| range.first);
    Some(ranges)
}

fn number(value: RespValue) -> Option<u16> {
    match value {
        RespValue::Integer(number) => u16::try_from(number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn the_slot_of_a_key_is_that_of_its_tag() {
        // From the specification.
        assert_eq!(slot_of("123456789"), 0x31c3);
        assert_eq!(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
        assert_eq!(slot_of("foo{}{bar}"), crc16::State::<crc16::XMODEM>::calculate(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot_of("foo{{bar}}zap"), slot_of("{{bar}"));
        assert_eq!(slot_of("foo{bar}{zap}"), slot_of("bar"));
        assert_eq!(slot_of("foo{bar"), crc16::State::<crc16::XMODEM>::calculate(b"foo{bar") % SLOTS);
    }

    #[test]
    fn an_answer_names_primaries_and_the_host_that_was_asked_where_it_names_none() {
        let text = |text: &'static str| RespValue::Bytes(Bytes::from_static(text.as_bytes()));
        let number = RespValue::Integer;
        let node = |host, port| RespValue::Array(vec![host, number(port), text("id")]);
        let range = |first, last, host, port| {
            RespValue::Array(vec![number(first), number(last), node(host, port), node(text("replica"), 9)])
        };
        let answer = RespValue::Array(vec![
            range(100, 16_383, text(""), 7_001),
            range(0, 98, text("::1"), 7_000),
            range(99, 99, RespValue::Nil, 7_002),
        ]);
        let asked = Address::tcp("seed", 1);
        let ranges = slot_ranges(answer, &asked).unwrap();
        let primaries: Vec<String> = ranges.iter().map(|range| range.primary.to_string()).collect();
        assert_eq!(primaries, ["::1:7000", "seed:7002", "seed:7001"]);
        assert_eq!((ranges[2].first, ranges[2].last), (100, 16_383));
        assert_eq!(slot_ranges(RespValue::Array(vec![range(0, 16_384, text("h"), 1)]), &asked), None);
        assert_eq!(slot_ranges(text("ERR"), &asked), None);
    }
}
