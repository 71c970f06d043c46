//! Rules that no lint knows.

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

/// The rooms of `src` from top to bottom, as in ARCHITECTURE.md. A room may use its own floor and
/// those below. The rooms of the first floor need one another and count as one.
const FLOORS: [&[&str]; 7] = [
    &["autocache", "bulk", "controller", "relation", "signals", "connection", "entity", "registry"],
    &["resilience"],
    &["error"],
    &["store"],
    &["entry"],
    &["coherence"],
    &["key", "telemetry"],
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
fn rooms_use_only_what_is_below_them() {
    for (path, text) in files("src", "rs") {
        let room = room_of(&path);
        if room == "lib" {
            continue;
        }
        let floor = floor_of(&room).unwrap_or_else(|| panic!("{} is in no room of FLOORS", path.display()));
        for used in used_rooms(&text) {
            let below = floor_of(&used).is_some_and(|other| floor <= other);
            let aside = floor_of(&used) == Some(floor) && floor > 0 && used != room;
            assert!(below && !aside, "{}: `{room}` must not use `{used}`", path.display());
        }
    }
}

#[test]
fn every_room_is_in_the_architecture() {
    let architecture = read("ARCHITECTURE.md");
    for room in FLOORS.concat() {
        let named = [format!("`{room}/`"), format!("`{room}.rs`")];
        assert!(named.iter().any(|name| architecture.contains(name)), "`{room}` is not in ARCHITECTURE.md");
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

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(ROOT).join("src")).expect("a file of src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that code refers to as `crate::room`. Comments may refer to whatever they explain.
fn used_rooms(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut rooms = BTreeSet::new();
    for line in code {
        for (start, found) in line.match_indices("crate::") {
            // A macro's `$crate` is the way from outside.
            if line[..start].ends_with('$') {
                continue;
            }
            let rest = &line[start + found.len()..];
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            rooms.insert(name);
        }
    }
    rooms
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
