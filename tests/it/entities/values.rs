//! Entities whose columns are of every kind that there is, each once as it is and once in an `Option`.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::StringLen;

/// An entity of columns only. Without serde, which the cache does not ask for.
macro_rules! kinds {
    ($name:ident, $table:literal, { $($(#[$attr:meta])* $field:ident: $kind:ty,)* }) => {
        pub mod $name {
            #[allow(unused_imports)]
            use super::*;
            use sea_orm_autocache::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: i64,
                $($(#[$attr])* pub $field: $kind,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl CachedEntity for Entity {}
            connect_signals!(ActiveModel);
        }
    };
}

kinds!(whole, "kind_whole", {
    small: i16, maybe_small: Option<i16>,
    int: i32, maybe_int: Option<i32>,
    big: i64, maybe_big: Option<i64>,
    flag: bool, maybe_flag: Option<bool>,
});

kinds!(tiny, "kind_tiny", { tiny: i8, maybe_tiny: Option<i8>, });

kinds!(unsigned, "kind_unsigned", {
    tiny: u8, maybe_tiny: Option<u8>,
    small: u16, maybe_small: Option<u16>,
    int: u32, maybe_int: Option<u32>,
    big: u64, maybe_big: Option<u64>,
});

kinds!(real, "kind_real", {
    single: f32, maybe_single: Option<f32>,
    double: f64, maybe_double: Option<f64>,
});

kinds!(text, "kind_text", {
    #[sea_orm(column_type = "Text")] text: String,
    #[sea_orm(column_type = "Text", nullable)] maybe_text: Option<String>,
    #[sea_orm(column_type = "Char(Some(3))")] letters: String,
    #[sea_orm(column_type = "Blob")] bytes: Vec<u8>,
    #[sea_orm(column_type = "Blob", nullable)] maybe_bytes: Option<Vec<u8>>,
    uuid: Uuid, maybe_uuid: Option<Uuid>,
});

kinds!(decimal, "kind_decimal", {
    #[sea_orm(column_type = "Decimal(None)")] decimal: Decimal,
    #[sea_orm(column_type = "Decimal(None)", nullable)] maybe_decimal: Option<Decimal>,
    #[sea_orm(column_type = "Decimal(Some((20, 4)))")] price: Decimal,
});

kinds!(moment, "kind_moment", {
    date: Date, maybe_date: Option<Date>,
    time: Time, maybe_time: Option<Time>,
    local: DateTime, maybe_local: Option<DateTime>,
    utc: DateTimeUtc, maybe_utc: Option<DateTimeUtc>,
    zoned: DateTimeWithTimeZone, maybe_zoned: Option<DateTimeWithTimeZone>,
});

#[cfg(feature = "with-time")]
kinds!(time_moment, "kind_time_moment", {
    date: TimeDate, maybe_date: Option<TimeDate>,
    time: TimeTime, maybe_time: Option<TimeTime>,
    local: TimeDateTime, maybe_local: Option<TimeDateTime>,
    utc: TimeDateTimeWithTimeZone, maybe_utc: Option<TimeDateTimeWithTimeZone>,
    zoned: TimeDateTimeWithTimeZone, maybe_zoned: Option<TimeDateTimeWithTimeZone>,
});

kinds!(json, "kind_json", {
    #[sea_orm(column_type = "Json")] json: Json,
    #[sea_orm(column_type = "Json", nullable)] maybe_json: Option<Json>,
    #[sea_orm(column_type = "JsonBinary")] binary: Json,
});

/// A type of its own in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "tea")]
pub enum Tea {
    #[sea_orm(string_value = "Everyday tea")]
    Everyday,
    #[sea_orm(string_value = "Thé: après-midi")]
    Afternoon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Size {
    #[sea_orm(string_value = "S")]
    Small,
    #[sea_orm(string_value = "L")]
    Large,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i32", db_type = "Integer")]
pub enum Grade {
    #[sea_orm(num_value = -1)]
    Poor,
    #[sea_orm(num_value = 7)]
    Fine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveValueType)]
pub struct Metres(pub i32);

#[derive(Clone, Debug, PartialEq, Eq, DeriveValueType)]
pub struct Label(pub String);

/// Kept as its text.
#[derive(Clone, Debug, PartialEq, Eq, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub struct Port(pub u16);

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "port {}", self.0)
    }
}

impl std::str::FromStr for Port {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim_start_matches("port ").parse().map(Self)
    }
}

kinds!(named, "kind_named", {
    tea: Tea, maybe_tea: Option<Tea>,
    size: Size, maybe_size: Option<Size>,
    grade: Grade, maybe_grade: Option<Grade>,
    metres: Metres, maybe_metres: Option<Metres>,
    label: Label, maybe_label: Option<Label>,
    port: Port, maybe_port: Option<Port>,
});

#[cfg(feature = "postgres-array")]
kinds!(array, "kind_array", {
    ints: Vec<i32>, maybe_ints: Option<Vec<i32>>,
    bigs: Vec<i64>, texts: Vec<String>, maybe_texts: Option<Vec<String>>,
    doubles: Vec<f64>, flags: Vec<bool>, uuids: Vec<Uuid>, maybe_moments: Option<Vec<DateTimeUtc>>,
    decimals: Vec<Decimal>, jsons: Vec<Json>, bytes: Vec<Vec<u8>>,
    teas: Vec<Tea>, maybe_teas: Option<Vec<Tea>>, sizes: Vec<Size>, grades: Vec<Grade>,
});

#[cfg(feature = "postgres-array")]
kinds!(list, "kind_list", { ints: Vec<i32>, sizes: Option<Vec<Size>>, });

#[cfg(all(feature = "with-bigdecimal", feature = "with-ipnetwork"))]
kinds!(rare, "kind_rare", {
    #[sea_orm(column_type = "Decimal(None)")] big: BigDecimal,
    #[sea_orm(column_type = "Decimal(None)", nullable)] maybe_big: Option<BigDecimal>,
    network: IpNetwork, maybe_network: Option<IpNetwork>,
});

#[cfg(feature = "postgres-vector")]
kinds!(vector, "kind_vector", { vector: PgVector, maybe_vector: Option<PgVector>, });
