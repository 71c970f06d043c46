//! Where the LLVM IR of a further entity comes from.

use crate::Result;
use crate::cargo::Cargo;
use crate::ir::{self, Profile};
use crate::paths;
use crate::program::Variant;
use crate::report::number;

const SHOWN: usize = 40;

type Name = fn(&str) -> String;

/// For each variant with the library: lines by crate, by whose doing they are, and by function.
pub fn print(cargo: &Cargo) -> Result<()> {
    let plain = ir::per_entity(cargo, Variant::Plain)?;
    println!("# LLVM IR of a further entity\n\nplain: {} lines", number(plain.lines));
    for variant in [Variant::Hooks, Variant::Used] {
        let profile = ir::per_entity(cargo, variant)?;
        let (lines, beyond) = (number(profile.lines), number(profile.lines - plain.lines));
        println!("\n## {}: {lines} lines, {beyond} beyond plain", variant.name());
        let tables: [(&str, Name); 3] = [
            ("crate of the function or its type", |name| paths::crate_of(&paths::erased(name))),
            ("the library's function it is compiled for", paths::cause),
            ("function", paths::erased),
        ];
        for (title, name) in tables {
            table(title, &profile.merged(name), &plain.merged(name));
        }
    }
    Ok(())
}

/// The names with the most lines beyond plain.
fn table(title: &str, profile: &Profile, plain: &Profile) {
    let rows = profile.functions.iter().filter(|(_, share)| share.lines > 0.0);
    let mut rows: Vec<_> =
        rows.map(|(name, share)| (name, share, share.lines - plain.of(name).lines)).collect();
    rows.sort_by(|one, other| other.2.total_cmp(&one.2));
    println!("\n| beyond plain | lines | copies | {title} |\n| ---: | ---: | ---: | --- |");
    for (name, share, beyond) in rows.into_iter().take(SHOWN) {
        println!("| {} | {} | {} | `{name}` |", number(beyond), number(share.lines), number(share.copies));
    }
}
