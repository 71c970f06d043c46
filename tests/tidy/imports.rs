//! Which files import which: `use` declarations and paths in the code, followed through re-exports to the file
//! that has the item.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module by the names on the way to it.
type Module = Vec<String>;

#[derive(Default)]
struct Imports {
    /// Absolute paths of what the code names.
    used: Vec<Module>,
    /// Re-exported names, and where they come from.
    reexported: BTreeMap<String, Module>,
}

/// The files of one circle; none if there is no circle.
pub fn circle(root: &Path, files: &[(PathBuf, String)]) -> Vec<String> {
    let modules: BTreeSet<Module> = files.iter().map(|(path, _)| module_of(root, path)).collect();
    let imports: BTreeMap<Module, Imports> = files
        .iter()
        .map(|(path, text)| (module_of(root, path), imports_of(&module_of(root, path), text, &modules)))
        .collect();
    let graph: BTreeMap<&Module, BTreeSet<Module>> = imports
        .iter()
        .map(|(module, own)| {
            let used = own.used.iter().filter_map(|path| file_of(path, &imports, 0));
            (module, used.filter(|other| other != module).collect())
        })
        .collect();
    let on_circle = |module: &&&Module| reaches(&graph, module, module);
    graph.keys().filter(on_circle).map(|module| module.join("::")).collect()
}

fn module_of(root: &Path, path: &Path) -> Module {
    let inside = path.strip_prefix(root).expect("a file of the folder").with_extension("");
    let mut names: Module =
        inside.components().map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        names.pop();
    }
    names
}

/// The text without comments and tests.
pub fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn imports_of(module: &Module, text: &str, modules: &BTreeSet<Module>) -> Imports {
    // In a module that is written within the file, `super` is the file.
    let inline: Vec<String> =
        text.lines().filter_map(inline_module).map(|name| format!("super::{name}")).collect();
    let mut code = code(text);
    inline.iter().for_each(|name| code = code.replace(name, "self"));
    let mut imports = Imports::default();
    let mut rest = String::new();
    for (number, piece) in code.split(';').enumerate() {
        let Some(at) = piece.rfind("use ").filter(|at| is_declaration(&piece[..*at])) else {
            rest.push_str(piece);
            rest.push(if number == 0 { ' ' } else { ';' });
            continue;
        };
        rest.push_str(&piece[..at]);
        let public = piece[..at].lines().last().is_some_and(|line| line.trim_start().starts_with("pub"));
        for path in expanded(piece[at + 4..].trim()) {
            let Some(absolute) = absolute(module, &path, modules) else { continue };
            match absolute.last() {
                Some(name) if public => _ = imports.reexported.insert(name.clone(), absolute),
                _ => imports.used.push(absolute),
            }
        }
    }
    let children =
        modules.iter().filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
    let begins: Vec<String> = children.filter_map(|child| child.last().cloned()).collect();
    let begins = begins.iter().map(String::as_str).chain(["crate", "super"]);
    let paths = begins.flat_map(|begin| paths_in(&rest, begin));
    imports.used.extend(paths.filter_map(|path| absolute(module, &path, modules)));
    imports
}

/// The name of the module that this line opens.
fn inline_module(line: &str) -> Option<&str> {
    line.trim().trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(" {")
}

/// Whether a `use` after this text begins a declaration.
fn is_declaration(before: &str) -> bool {
    let line = before.lines().last().unwrap_or_default().trim();
    let starts = before.ends_with('\n') || before.is_empty() || before.ends_with("    ");
    (starts && line.is_empty()) || line.starts_with("pub")
}

/// The paths of a `use` tree.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        return vec![tree.split(" as ").next().unwrap_or(tree).to_owned()];
    };
    let (prefix, inner) = (&tree[..open], tree[open + 1..].trim_end().trim_end_matches('}'));
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match parts.last_mut() {
            Some(_) if c == ',' && depth == 0 => parts.push(String::new()),
            Some(part) => part.push(c),
            None => {}
        }
    }
    // The last brace of a nested tree went with the outer one.
    let closed = |part: &String| {
        let open = part.matches('{').count() - part.matches('}').count();
        format!("{prefix}{}{}", part.trim(), "}".repeat(open))
    };
    parts.iter().filter(|part| !part.trim().is_empty()).flat_map(|part| expanded(&closed(part))).collect()
}

/// Paths that begin with this name.
fn paths_in(code: &str, begin: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices(&format!("{begin}::")) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| "$:.".contains(c) || c.is_alphanumeric() || c == '_') {
            continue;
        }
        let is_part = |c: &char| c.is_alphanumeric() || *c == '_' || *c == ':';
        let path: String = code[at..].chars().take_while(is_part).collect();
        paths.push(path.trim_end_matches(':').to_owned());
    }
    paths
}

fn absolute(module: &Module, path: &str, modules: &BTreeSet<Module>) -> Option<Module> {
    let mut names: Vec<&str> = path.split("::").filter(|name| !name.is_empty() && *name != "*").collect();
    let mut base = module.clone();
    match names.first().copied()? {
        "crate" => {
            base.clear();
            names.remove(0);
        }
        "self" => _ = names.remove(0),
        "super" => {
            while names.first() == Some(&"super") {
                base.pop();
                names.remove(0);
            }
        }
        first => {
            let child: Module = base.iter().cloned().chain([first.to_owned()]).collect();
            if !modules.contains(&child) {
                return None;
            }
        }
    }
    base.extend(names.into_iter().map(str::to_owned));
    Some(base)
}

/// The module of the file that has the item of this path.
fn file_of(path: &Module, imports: &BTreeMap<Module, Imports>, depth: usize) -> Option<Module> {
    let length = (0..=path.len()).rev().find(|length| imports.contains_key(&path[..*length]))?;
    let module = path[..length].to_vec();
    let source = path.get(length).and_then(|item| imports[&module].reexported.get(item));
    match source {
        Some(source) if depth < 8 => file_of(source, imports, depth + 1),
        _ => Some(module),
    }
}

fn reaches(graph: &BTreeMap<&Module, BTreeSet<Module>>, from: &Module, to: &Module) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for next in graph.get(module).into_iter().flatten() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    false
}
