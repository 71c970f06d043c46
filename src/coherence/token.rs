use std::fmt;

/// A random 128-bit name of one operation: a lease, a write, a commit.
///
/// Tokens are random, never counted: a counter that is lost with its key would start again and let
/// a late command match a newer operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u128);

impl Token {
    /// Bytes of a token on the wire.
    pub const LEN: usize = 16;

    /// A fresh random token.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// The token with this number, for tests and models that need to name theirs.
    #[must_use]
    pub const fn from_u128(number: u128) -> Self {
        Self(number)
    }

    /// The token's bytes, big-endian.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0.to_be_bytes()
    }

    /// The token with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:x})", self.0)
    }
}
