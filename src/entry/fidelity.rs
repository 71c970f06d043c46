//! Whether a row comes back as it went in. Attributes such as `#[serde(skip)]` or a masking
//! `serialize_with` would make a hit differ from the database without any error.

use sea_orm::{EntityTrait, IdenStatic, Iterable, ModelTrait};

/// The first column in which the two rows differ.
pub fn first_difference<M: ModelTrait>(written: &M, read: &M) -> Option<&'static str> {
    let differs = |column: &<M::Entity as EntityTrait>::Column| {
        let (before, after) = (written.get(*column), read.get(*column));
        // The text settles what never equals itself, such as a float that is not a number.
        before != after && format!("{before:?}") != format!("{after:?}")
    };
    <M::Entity as EntityTrait>::Column::iter().find(differs).map(|column| column.as_str())
}
