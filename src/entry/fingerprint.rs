use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable, ModelTrait};
use sha2::{Digest, Sha256};

/// Which rows an entry can be read as: the entity, and the schema it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// A hash of the app label and the model name.
    pub entity: [u8; 4],
    /// A hash of the columns in their order, their types, and the entity's `CACHE_VERSION`.
    pub schema: [u8; 4],
}

/// The schema part of a fingerprint: names, order, database types, nullability and Rust types of the
/// columns, and the version that is raised by hand. Rows are stored as arrays, so the order counts.
#[must_use]
pub fn schema_of<E: EntityTrait>(version: u32) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(version.to_be_bytes());
    for column in E::Column::iter() {
        let definition = column.def();
        let null = definition.is_null();
        let rust_type = <E::Model as ModelTrait>::get_value_type(column);
        let line = format!("{}|{:?}|{null}|{rust_type:?}\n", column.as_str(), definition.get_column_type());
        hash.update(line);
    }
    first_four(&hash.finalize())
}

impl Fingerprint {
    /// The fingerprint of an entity under an app label.
    #[must_use]
    pub fn of<E: EntityTrait>(app: &str, model: &str, version: u32) -> Self {
        let entity = Sha256::digest(format!("{app}\0{model}"));
        Self { entity: first_four(&entity), schema: schema_of::<E>(version) }
    }
}

fn first_four(digest: &[u8]) -> [u8; 4] {
    [digest[0], digest[1], digest[2], digest[3]]
}
