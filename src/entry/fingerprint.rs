use sha2::{Digest, Sha256};
use std::fmt;

/// Which rows an entry can be read as: the entity, and the schema it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// A hash of the app label, the model name, and the id of the database.
    pub(crate) entity: [u8; 4],
    /// A hash of the columns in their order, their types, and the entity's `CACHE_VERSION`.
    pub(crate) schema: [u8; 4],
}

/// The schema part of a fingerprint: the version that is raised by hand, and a line for each column. Rows are
/// stored by position, so the order counts.
#[must_use]
pub(crate) fn schema_hash(version: u32, columns: impl Iterator<Item = String>) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(version.to_be_bytes());
    for column in columns {
        hash.update(column);
        hash.update("\n");
    }
    first_four(&hash.finalize())
}

impl Fingerprint {
    /// The fingerprint of an entity under an app label, in a database.
    #[must_use]
    pub(crate) fn of(app: &str, model: &str, database: &str, schema: [u8; 4]) -> Self {
        let entity = Sha256::digest(format!("{app}\0{model}\0{database}"));
        Self { entity: first_four(&entity), schema }
    }

    /// The fingerprint of the entries of an index of this entity.
    #[must_use]
    pub(crate) fn of_index(self, index: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.schema);
        hash.update(format!("@{index}"));
        Self { schema: first_four(&hash.finalize()), ..self }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [entity, schema] = [self.entity, self.schema].map(u32::from_be_bytes);
        write!(f, "{entity:08x}-{schema:08x}")
    }
}

fn first_four(digest: &[u8]) -> [u8; 4] {
    [digest[0], digest[1], digest[2], digest[3]]
}
