//! The text of one entity's module.

use super::Variant;

/// After so many entities the shapes come again, so figures for each entity are means over so many.
pub const SHAPES: usize = 4;

/// The columns besides `id`, `next_id`, `title` and `rank`. Numbers of columns: 5, 7, 8, 10.
const EXTRAS: [&[(&str, &str)]; SHAPES] = [
    &[("created_at", "DateTimeUtc")],
    &[("note", "Option<String>"), ("enabled", "bool"), ("code", "Uuid")],
    &[("score", "f64"), ("stock", "Option<i64>"), ("data", "Json"), ("updated_at", "Option<DateTimeUtc>")],
    &[
        ("price", "Decimal"),
        ("note", "Option<String>"),
        ("enabled", "bool"),
        ("code", "Uuid"),
        ("created_at", "DateTimeUtc"),
        ("data", "Option<Json>"),
    ],
];

/// One entity of a ring: it belongs to the next one, and the previous one has it as its parent.
#[derive(Clone, Copy, Debug)]
pub struct Entity {
    pub index: usize,
    pub next: usize,
    pub previous: usize,
    pub variant: Variant,
    pub serde: bool,
}

impl Entity {
    /// The module, with `rank` as the type of the column that changes between incremental builds.
    pub fn module(&self, rank: &str) -> String {
        [self.imports(), self.model(rank), self.relations(), self.behavior(), self.function()].join("\n")
    }

    fn imports(&self) -> String {
        let mut text = "use sea_orm::entity::prelude::*;\nuse sea_orm::{IntoActiveModel, Set};\n".to_owned();
        if self.variant != Variant::Plain {
            text += "use sea_orm_autocache::prelude::*;\n";
        }
        text
    }

    fn model(&self, rank: &str) -> String {
        let serde = if self.serde { ", serde::Serialize, serde::Deserialize" } else { "" };
        let index = self.index;
        let mut text = format!(
            "#[derive(Clone, Debug, PartialEq, DeriveEntityModel{serde})]\n\
             #[sea_orm(table_name = \"e{index}\")]\n\
             pub struct Model {{\n    #[sea_orm(primary_key)]\n    pub id: i64,\n    pub next_id: i64,\n    \
             pub title: String,\n    pub rank: {rank},\n"
        );
        for (name, kind) in EXTRAS[index % SHAPES] {
            text += &format!("    pub {name}: {kind},\n");
        }
        text + "}\n"
    }

    fn relations(&self) -> String {
        let Self { next, previous, .. } = self;
        format!(
            "#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]\n\
             pub enum Relation {{\n    #[sea_orm(\n        belongs_to = \"super::e{next}::Entity\",\n        \
             from = \"Column::NextId\",\n        to = \"super::e{next}::Column::Id\"\n    )]\n    Next,\n    \
             #[sea_orm(has_many = \"super::e{previous}::Entity\")]\n    Previous,\n}}\n"
        ) + &related(*next, "Next")
            + &related(*previous, "Previous")
    }

    fn behavior(&self) -> String {
        match self.variant {
            Variant::Plain => "impl ActiveModelBehavior for ActiveModel {}\n".to_owned(),
            Variant::Hooks | Variant::Used => {
                "impl CachedEntity for Entity {}\nconnect_signals!(ActiveModel);\n".to_owned()
            }
        }
    }

    fn function(&self) -> String {
        let Self { index, next, .. } = self;
        let (connection, get, related) = match self.variant {
            Variant::Plain | Variant::Hooks => (
                "DatabaseConnection",
                "    let found = Entity::find_by_id(id).one(db).await?;\n    \
                 let Some(model) = found else { return Ok(0) };\n",
                format!("model.find_related(super::e{next}::Entity).all(db)"),
            ),
            Variant::Used => (
                "CachedConnection",
                "    let model = Entity::cache().get(id).await?;\n",
                format!("model.cached_related(super::e{next}::Entity)"),
            ),
        };
        // Boxed, as the handlers of a web framework are: rustc compiles a future only where it is used, and proves
        // there that it is `Send`.
        format!(
            "async fn use{index}(db: &{connection}, id: i64) -> Result<usize, DbErr> {{\n{get}    \
             let related = {related}.await?;\n    let mut changed = model.into_active_model();\n    \
             changed.title = Set(String::new());\n    changed.save(db).await?;\n    Ok(related.len())\n}}\n\n\
             pub type Handled<'c> =\n    std::pin::Pin<Box<dyn Future<Output = Result<usize, DbErr>> + Send + 'c>>;\n\n\
             pub fn handle{index}(db: &{connection}, id: i64) -> Handled<'_> {{\n    Box::pin(use{index}(db, id))\n}}\n"
        )
    }
}

fn related(other: usize, relation: &str) -> String {
    format!(
        "\nimpl Related<super::e{other}::Entity> for Entity {{\n    fn to() -> RelationDef {{\n        \
         Relation::{relation}.def()\n    }}\n}}\n"
    )
}
