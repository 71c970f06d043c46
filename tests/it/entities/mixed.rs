//! Entities in both of SeaORM's formats, related to one another.

use sea_orm::{ConnectionTrait, Schema};

/// Compact.
pub mod club {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "club")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::member::Entity")]
        Member,
    }

    impl Related<super::member::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Member.def()
        }
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// Dense. A field for the club would need the loader that SeaORM generates for dense entities only.
pub mod member {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub club_id: i32,
        pub name: String,
        #[sea_orm(has_many)]
        pub badges: HasMany<super::badge::Entity>,
        #[sea_orm(has_many, via = "member_team")]
        pub teams: HasMany<super::team::Entity>,
    }

    impl Related<super::club::Entity> for Entity {
        fn to() -> RelationDef {
            Entity::belongs_to(super::club::Entity).from(Column::ClubId).to(super::club::Column::Id).into()
        }
    }

    impl CachedEntity for Entity {
        // The relation is in no `enum Relation` of this entity.
        fn indexes() -> Vec<Index<Self>> {
            vec![Index::many([Column::ClubId])]
        }
    }
    connect_signals!(ActiveModel);
}

/// Dense.
pub mod badge {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "badge")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub member_id: i32,
        pub text: String,
        #[sea_orm(belongs_to, from = "member_id", to = "id", on_delete = "Cascade")]
        pub member: BelongsTo<super::member::Entity>,
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// Dense.
pub mod team {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "team")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        #[sea_orm(has_many, via = "member_team")]
        pub members: HasMany<super::member::Entity>,
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// The junction of the two, with an order of its own.
pub mod member_team {
    use sea_orm::entity::prelude::*;
    use sea_orm::sea_query::Order;
    use sea_orm_autocache::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_team")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: i32,
        pub place: i32,
        #[sea_orm(belongs_to, from = "member_id", to = "id")]
        pub member: BelongsTo<super::member::Entity>,
        #[sea_orm(belongs_to, from = "team_id", to = "id")]
        pub team: BelongsTo<super::team::Entity>,
    }

    impl CachedEntity for Entity {
        fn indexes() -> Vec<Index<Self>> {
            vec![Index::many([Column::MemberId]).order_by(Column::Place, Order::Asc)]
        }
    }
    connect_signals!(ActiveModel);
}

/// Creates all tables.
pub async fn create_tables<C: ConnectionTrait>(db: &C) {
    let schema = Schema::new(db.get_database_backend());
    let tables = [
        schema.create_table_from_entity(club::Entity),
        schema.create_table_from_entity(member::Entity),
        schema.create_table_from_entity(badge::Entity),
        schema.create_table_from_entity(team::Entity),
        schema.create_table_from_entity(member_team::Entity),
    ];
    for table in tables {
        db.execute(&table).await.expect("a table");
    }
}
