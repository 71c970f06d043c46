//! Reads LLVM IR: how many lines it has, and which functions they belong to.

use crate::Result;
use crate::cargo::Cargo;
use crate::paths;
use crate::program::{Program, SHAPES, Variant};
use std::collections::BTreeMap;

/// Figures for a further entity are means over all shapes, between these two sizes.
pub const SMALL: usize = SHAPES;
pub const LARGE: usize = 2 * SHAPES;

/// What the functions of one name have, in one program or for each further entity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    pub lines: f64,
    pub copies: f64,
}

/// Lines of all of the IR, and of its functions by some name of theirs.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub lines: f64,
    pub functions: BTreeMap<String, Share>,
}

impl Profile {
    fn read(text: &str, name: impl Fn(&str) -> String) -> Self {
        let mut profile = Self::default();
        let mut current = None;
        for line in text.lines() {
            profile.lines += 1.0;
            if line.starts_with("define ") {
                let share: &mut Share = profile.functions.entry(name(line)).or_default();
                share.copies += 1.0;
                current = Some(share);
            }
            if let Some(share) = &mut current {
                share.lines += 1.0;
            }
            if line == "}" {
                current = None;
            }
        }
        profile
    }

    /// The same, with the functions of all names that become one as one.
    pub fn merged(&self, name: impl Fn(&str) -> String) -> Self {
        let mut functions: BTreeMap<String, Share> = BTreeMap::new();
        for (path, share) in &self.functions {
            let sum = functions.entry(name(path)).or_default();
            sum.lines += share.lines;
            sum.copies += share.copies;
        }
        Self { lines: self.lines, functions }
    }

    pub fn of(&self, name: &str) -> Share {
        self.functions.get(name).copied().unwrap_or_default()
    }

    fn per_entity(small: &Self, large: &Self, entities: f64) -> Self {
        let share = |name: &String| {
            let (small, large) = (small.of(name), large.of(name));
            let lines = (large.lines - small.lines) / entities;
            (name.clone(), Share { lines, copies: (large.copies - small.copies) / entities })
        };
        let names = small.functions.keys().chain(large.functions.keys());
        Self { lines: (large.lines - small.lines) / entities, functions: names.map(share).collect() }
    }
}

/// Lines for each further entity of one variant.
pub fn per_entity(cargo: &Cargo, variant: Variant) -> Result<Profile> {
    let small = profile(cargo, Program { variant, entities: SMALL })?;
    let large = profile(cargo, Program { variant, entities: LARGE })?;
    Ok(Profile::per_entity(&small, &large, (LARGE - SMALL) as f64))
}

fn profile(cargo: &Cargo, program: Program) -> Result<Profile> {
    let crate_name = program.crate_name();
    let text = cargo.llvm_ir(program)?;
    Ok(Profile::read(&text, |line| paths::without_index(&name_of(line).replace(&crate_name, "program"))))
}

/// The function that this line begins, with its type parameters.
fn name_of(line: &str) -> String {
    let symbol = line.split_once('@').map_or("", |(_, rest)| rest);
    let symbol = match symbol.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => symbol.split('(').next().unwrap_or_default(),
    };
    format!("{:#}", rustc_demangle::demangle(symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_function_are_those_from_its_head_to_its_brace() {
        let text = "; head\ndefine void @_RNvCs1234_4shop3use(ptr %x) {\nret void\n}\n\ndeclare @x\n";
        let profile = Profile::read(text, name_of);
        assert_eq!(profile.lines, 6.0);
        assert_eq!(profile.of("shop::use"), Share { lines: 3.0, copies: 1.0 });
    }
}
