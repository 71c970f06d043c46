//! Rules that no lint knows.

#[path = "tidy/guide.rs"]
mod guide;
#[path = "tidy/imports.rs"]
mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Lines of a source file before its tests.
const LINES_MAX: usize = 400;
const INVARIANTS: u32 = 8;

/// What must not be in the tree. Written in two parts, so that this file may be searched too.
const BANNED: [(&str, &str); 5] =
    [("todo", "!("), ("unimplemented", "!("), ("FIX", "ME"), ("#[ign", "ore"), ("fn te", "st_")];

/// The layers of `src` from top to bottom, as in ARCHITECTURE.md. A module may use the layers below its own.
const LAYERS: [&[&str]; 14] = [
    &["testing"],
    &["controller", "relation", "bulk", "signals"],
    &["connection"],
    &["read", "cascade"],
    &["autocache"],
    &["write"],
    &["keyspace", "trace"],
    &["backend", "error"],
    &["store", "entity"],
    &["entry"],
    &["coherence"],
    &["executor", "key", "settings", "single_flight", "sql", "telemetry"],
    &["pulse"],
    &["guide"],
];

#[test]
fn source_files_are_short() {
    for (path, text) in files("src", "rs").into_iter().chain(files("benches/src", "rs")) {
        let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, more than {LINES_MAX}", path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    for (path, text) in rust_files() {
        for (head, tail) in BANNED {
            let banned = format!("{head}{tail}");
            assert!(!text.contains(&banned), "{} holds `{banned}`", path.display());
        }
    }
}

#[test]
fn every_invariant_has_a_test_that_cites_it() {
    let mut cited = BTreeSet::new();
    let tests = files("tests", "rs").into_iter().filter(|(path, _)| !path.ends_with("tidy.rs"));
    let modules = files("src", "rs").into_iter().filter_map(|(path, text)| {
        let (_, tests) = text.split_once("#[cfg(test)]")?;
        Some((path, tests.to_owned()))
    });
    for (_, text) in tests.chain(modules) {
        cited.extend((1..=INVARIANTS).filter(|number| cites(&text, *number)));
    }
    let missing: Vec<_> = (1..=INVARIANTS).filter(|number| !cited.contains(number)).collect();
    assert!(missing.is_empty(), "no test cites these invariants: {missing:?}");
}

#[test]
fn every_invariant_is_stated_once_and_listed_in_the_architecture() {
    let law = read("src/coherence/mod.rs");
    let list = read("ARCHITECTURE.md");
    for number in 1..=INVARIANTS {
        assert_eq!(law.matches(&format!("* **I{number}** ")).count(), 1, "I{number} in src/coherence/mod.rs");
        assert!(list.contains(&format!("| I{number} |")), "I{number} in ARCHITECTURE.md");
    }
    assert!(!law.contains(&format!("**I{}**", INVARIANTS + 1)), "INVARIANTS counts too few");
}

#[test]
fn modules_use_only_layers_below_their_own() {
    for (path, text) in files("src", "rs") {
        let module = module_of(&path);
        if module == "lib" {
            continue;
        }
        let layer = layer_of(&module).unwrap_or_else(|| panic!("{} is in no layer", path.display()));
        for used in used_modules(&text) {
            let below = used == module || layer_of(&used).is_some_and(|other| layer < other);
            assert!(below, "{}: `{module}` must not use `{used}`", path.display());
        }
    }
}

#[test]
fn every_module_is_in_the_architecture() {
    let architecture = read("ARCHITECTURE.md");
    for module in LAYERS.concat() {
        let named = [format!("`{module}/`"), format!("`{module}.rs`")];
        assert!(named.iter().any(|name| architecture.contains(name)), "`{module}` is not in ARCHITECTURE.md");
    }
}

#[test]
fn no_files_import_one_another_in_a_circle() {
    for (folder, root) in [("src", "src"), ("benches/src", "benches/src")] {
        let circle = imports::circle(&Path::new(ROOT).join(root), &files(folder, "rs"));
        assert!(circle.is_empty(), "these files of {folder} import one another in a circle: {circle:#?}");
    }
}

/// Whether the text names the invariant as a word: `I1`, but not in `I12` or `XI1`.
fn cites(text: &str, number: u32) -> bool {
    let name = format!("I{number}");
    text.match_indices(&name).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + name.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(ROOT).join("src")).expect("a file of src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that code refers to as `crate::module`. Comments may refer to whatever they explain, and tests may
/// use more.
fn used_modules(text: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for line in imports::code(text).lines() {
        for (start, found) in line.match_indices("crate::") {
            // A macro's `$crate` is the way from outside.
            if line[..start].ends_with('$') {
                continue;
            }
            let rest = &line[start + found.len()..];
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            modules.insert(name);
        }
    }
    modules
}

fn rust_files() -> Vec<(PathBuf, String)> {
    ["src", "tests", "examples", "benches/src"].into_iter().flat_map(|folder| files(folder, "rs")).collect()
}

fn files(folder: &str, extension: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(ROOT).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == extension) {
                let text = fs::read_to_string(&path).expect("text");
                found.push((path, text));
            }
        }
    }
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).expect("a file")
}
