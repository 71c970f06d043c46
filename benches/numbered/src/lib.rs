//! Entities by number: as many types as wanted, without a module for each.
//!
//! Only to be registered: they have no table, and are never read or written. They are a crate of their own,
//! compiled without optimization, because a thousand entities of any crate take the compiler long.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue, FromQueryResult, IntoActiveModel, QueryResult, TryIntoModel, sea_query};
use sea_orm_autocache::{__private::Connected, Autocache, CachedEntity, SignalsConnected};
use std::borrow::Cow;

#[derive(Copy, Clone, Debug, Default)]
pub struct Entity<const N: usize>;

#[derive(Clone, Debug, PartialEq)]
pub struct Model<const N: usize> {
    pub id: i64,
}

#[derive(Clone, Debug)]
pub struct ActiveModel<const N: usize> {
    pub id: ActiveValue<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
pub enum Column {
    Id,
}

#[derive(Copy, Clone, Debug, EnumIter, DerivePrimaryKey)]
pub enum PrimaryKey {
    Id,
}

#[derive(Copy, Clone, Debug, EnumIter)]
pub enum Relation {}

impl<const N: usize> IdenStatic for Entity<N> {
    fn as_str(&self) -> &'static str {
        "numbered"
    }
}

impl<const N: usize> Iden for Entity<N> {
    fn unquoted(&self) -> &str {
        "numbered"
    }
}

impl<const N: usize> EntityName for Entity<N> {
    fn table_name(&self) -> &'static str {
        "numbered"
    }
}

impl<const N: usize> EntityTrait for Entity<N> {
    type Model = Model<N>;
    type ModelEx = Model<N>;
    type ActiveModel = ActiveModel<N>;
    type ActiveModelEx = ActiveModel<N>;
    type Column = Column;
    type Relation = Relation;
    type PrimaryKey = PrimaryKey;
}

impl ColumnTrait for Column {
    type EntityName = Entity<0>;
    fn def(&self) -> ColumnDef {
        ColumnType::BigInteger.def()
    }
}

impl PrimaryKeyTrait for PrimaryKey {
    type ValueType = i64;
    fn auto_increment() -> bool {
        false
    }
}

impl RelationTrait for Relation {
    fn def(&self) -> RelationDef {
        match *self {}
    }
    fn name(&self) -> String {
        match *self {}
    }
}

impl<const N: usize> FromQueryResult for Model<N> {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self { id: row.try_get(prefix, "id")? })
    }
}

impl<const N: usize> ModelTrait for Model<N> {
    type Entity = Entity<N>;
    fn get(&self, _: Column) -> Value {
        self.id.into()
    }
    fn get_value_type(_: Column) -> sea_query::ArrayType {
        sea_query::ArrayType::BigInt
    }
    fn try_set(&mut self, _: Column, value: Value) -> Result<(), DbErr> {
        self.id = value.unwrap();
        Ok(())
    }
}

impl<const N: usize> ActiveModelTrait for ActiveModel<N> {
    type Entity = Entity<N>;
    fn take(&mut self, _: Column) -> ActiveValue<Value> {
        std::mem::take(&mut self.id).into_wrapped_value()
    }
    fn get(&self, _: Column) -> ActiveValue<Value> {
        self.id.clone().into_wrapped_value()
    }
    fn set_if_not_equals(&mut self, _: Column, value: Value) {
        self.id.set_if_not_equals(value.unwrap());
    }
    fn try_set(&mut self, _: Column, value: Value) -> Result<(), DbErr> {
        self.id = ActiveValue::Set(value.unwrap());
        Ok(())
    }
    fn not_set(&mut self, _: Column) {
        self.id = ActiveValue::NotSet;
    }
    fn is_not_set(&self, _: Column) -> bool {
        self.id.is_not_set()
    }
    fn default() -> Self {
        Self { id: ActiveValue::NotSet }
    }
    fn default_values() -> Self {
        <Self as ActiveModelTrait>::default()
    }
    fn reset(&mut self, _: Column) {
        self.id.reset();
    }
}

impl<const N: usize> ActiveModelBehavior for ActiveModel<N> {}
impl<const N: usize> Connected for ActiveModel<N> {}
impl<const N: usize> SignalsConnected for ActiveModel<N> {}

impl<const N: usize> From<Model<N>> for ActiveModel<N> {
    fn from(model: Model<N>) -> Self {
        Self { id: ActiveValue::Unchanged(model.id) }
    }
}

impl<const N: usize> IntoActiveModel<ActiveModel<N>> for Model<N> {
    fn into_active_model(self) -> ActiveModel<N> {
        self.into()
    }
}

impl<const N: usize> TryIntoModel<Model<N>> for ActiveModel<N> {
    fn try_into_model(self) -> Result<Model<N>, DbErr> {
        Ok(Model { id: self.id.unwrap() })
    }
}

impl<const N: usize> CachedEntity for Entity<N> {
    fn model_name() -> Cow<'static, str> {
        Cow::Owned(format!("numbered_{N}"))
    }
}

/// Makes one known, as its first use would.
fn register<const N: usize>(autocache: &Autocache) {
    let _ = autocache.cache::<Entity<N>>().make_key(1);
}

/// Makes all of them known.
pub fn register_all(autocache: &Autocache) {
    // Pointers, lest the compiler put all of them into one function.
    const ALL: [fn(&Autocache); 999] = seq_macro::seq!(N in 0..999 { [#(register::<N>,)*] });
    for register in ALL {
        register(autocache);
    }
}
