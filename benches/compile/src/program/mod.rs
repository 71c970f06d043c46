//! Writes the programs that are compiled: one workspace, with a package for each variant and size.

mod entity;

pub use entity::SHAPES;

use crate::Result;
use entity::Entity;
use serde::Serialize;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// With fewer, the next entity is also the previous one.
pub const ENTITIES_MIN: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// SeaORM alone.
    Plain,
    /// The same calls; every entity is cached, but the cache is never read.
    Hooks,
    /// Rows and related rows come from the cache, saves go through the cached connection.
    Used,
}

impl Variant {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Hooks, Self::Used];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Hooks => "hooks",
            Self::Used => "used",
        }
    }
}

/// One package of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    pub variant: Variant,
    pub entities: usize,
}

impl Program {
    /// The name of the package and, with an underscore, of the crate.
    pub fn package(self) -> String {
        format!("{}-{}", self.variant.name(), self.entities)
    }

    pub fn crate_name(self) -> String {
        self.package().replace('-', "_")
    }

    fn entity(self, index: usize, serde: bool) -> Entity {
        let (next, previous) = ((index + 1) % self.entities, (index + self.entities - 1) % self.entities);
        Entity { index, next, previous, variant: self.variant, serde }
    }
}

/// The folder with all programs.
#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    serde: bool,
}

impl Workspace {
    /// Writes a program of each size in each variant. Versions of dependencies are those of the library's lock.
    pub fn write(root: &Path, library: &Path, sizes: &[usize], serde: bool) -> Result<Self> {
        let workspace = Self { root: root.to_owned(), serde };
        let mut members = Vec::new();
        for entities in sizes.iter().copied() {
            for variant in Variant::ALL {
                let program = Program { variant, entities };
                workspace.write_program(program)?;
                members.push(program.package());
            }
        }
        fs::write(root.join("Cargo.toml"), manifest(&members, library, serde))?;
        fs::copy(library.join("Cargo.lock"), root.join("Cargo.lock"))
            .map_err(|error| format!("the lock file of {}: {error}", library.display()))?;
        Ok(workspace)
    }

    fn write_program(&self, program: Program) -> Result<()> {
        let package = program.package();
        let source = self.root.join(&package).join("src");
        fs::create_dir_all(&source)?;
        let serde = if self.serde { "serde.workspace = true\n" } else { "" };
        fs::write(
            self.root.join(&package).join("Cargo.toml"),
            format!(
                "[package]\nname = \"{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
                 sea-orm.workspace = true\nsea-orm-autocache.workspace = true\n{serde}"
            ),
        )?;
        let modules: String = (0..program.entities).map(|index| format!("pub mod e{index};\n")).collect();
        fs::write(source.join("lib.rs"), modules)?;
        (0..program.entities).try_for_each(|index| self.write_entity(program, index, "i32"))
    }

    fn write_entity(&self, program: Program, index: usize, rank: &str) -> Result<()> {
        let module = program.entity(index, self.serde).module(rank);
        Ok(fs::write(self.source(program).join(format!("e{index}.rs")), module)?)
    }

    /// Gives one column of an entity in the middle another type.
    pub fn change_column(&self, program: Program, rank: &str) -> Result<()> {
        self.write_entity(program, program.entities / 2, rank)
    }

    /// Makes the program look changed, so that cargo compiles it again.
    pub fn touch(&self, program: Program) -> Result<()> {
        let file = File::options().append(true).open(self.source(program).join("lib.rs"))?;
        Ok(file.set_modified(SystemTime::now())?)
    }

    fn source(&self, program: Program) -> PathBuf {
        self.root.join(program.package()).join("src")
    }
}

/// All packages depend on the library, also those that do not use it, so that all share one SeaORM. The
/// profiles of the packages are cargo's own; those of their dependencies leave out what is not measured.
fn manifest(members: &[String], library: &Path, serde: bool) -> String {
    let serde = if serde { "serde = { version = \"1\", features = [\"derive\"] }\n" } else { "" };
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n[workspace.dependencies]\n\
         sea-orm = {{ version = \"2.0.4\", default-features = false, features = [\"macros\", \"with-chrono\", \
         \"with-uuid\", \"with-json\", \"with-rust_decimal\", \"runtime-tokio\", \"sqlx-sqlite\"] }}\n\
         sea-orm-autocache = {{ path = {library:?} }}\n{serde}\n\
         [profile.dev]\nincremental = false\n\n[profile.dev.package.\"*\"]\ndebug = false\nincremental = false\n"
    )
}
