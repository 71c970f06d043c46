//! The guide is complete: pages, links between them, log lines and errors.

use crate::{files, imports, read};
use std::collections::BTreeSet;
use std::path::Path;

/// A page has fewer.
const LINES: usize = 200;
const INDEX: &str = "README";

/// The pages by name, without the index.
fn pages() -> Vec<(String, String)> {
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let pages = files("docs/guide", "md").into_iter().map(|(path, text)| (name(&path), text));
    let pages: Vec<_> = pages.filter(|(name, _)| name != INDEX).collect();
    assert!(pages.len() >= 18, "the guide is gone");
    pages
}

#[test]
fn pages_of_the_guide_are_short_and_in_its_index_and_in_rustdoc() {
    let (index, modules) = (read("docs/guide/README.md"), read("src/guide.rs"));
    let links = read("src/guide/links.md");
    for (name, text) in pages() {
        let lines = text.lines().count();
        assert!(lines < LINES, "{name}.md has {lines} lines, {LINES} or more");
        assert!(text.starts_with("# "), "{name}.md does not begin with its title");
        assert!(index.contains(&format!("][{name}]: ")), "{name}.md is not in the index");
        let module = format!("    {name}: \"../docs/guide/{name}.md\",\n");
        assert!(modules.contains(&module), "{name}.md is no module of src/guide.rs");
        let link = format!("[{name}]: crate::guide::{name}\n");
        assert!(links.contains(&link), "src/guide/links.md lacks `{}`", link.trim());
    }
}

#[test]
fn links_of_the_documentation_lead_to_files_and_headings() {
    for folder in ["docs/guide", "docs/design", "docs"] {
        for (path, text) in files(folder, "md") {
            for link in links(&text) {
                let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
                let target = path.parent().expect("a folder").join(file);
                let target = if file.is_empty() { path.clone() } else { target };
                assert!(target.exists(), "{}: nothing is at {link}", path.display());
                let text = std::fs::read_to_string(&target).unwrap_or_default();
                let found = heading.is_empty() || headings(&text).contains(heading);
                assert!(found, "{}: no heading for {link}", path.display());
            }
        }
    }
}

#[test]
fn tests_that_the_guide_names_are_there() {
    let page = read("docs/guide/failovers.md");
    let (_, table) = page.split_once("| law |").expect("a table");
    let rows = table.lines().filter(|line| !line.contains("--test torture"));
    let names: Vec<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let (module, test) = name.rsplit_once("::").unwrap_or((name, ""));
        let file = |module: &str| {
            let path = format!("tests/it/{}", module.replace("::", "/"));
            [format!("{path}.rs"), format!("{path}/mod.rs")].into_iter().find(|path| Path::new(path).exists())
        };
        let is_test = || file(module).is_some_and(|file| read(&file).contains(&format!("fn {test}(")));
        assert!(file(name).is_some() || is_test(), "no test is named {name}");
    }
    let sets = read("tests/torture/faults.rs");
    let row = table.lines().find(|line| line.contains("--test torture")).expect("a row");
    for name in row.split('`').skip(1).step_by(2).filter(|name| !name.starts_with("--")) {
        assert!(sets.contains(&format!("name: \"{name}\"")), "no fault set is named {name}");
    }
}

#[test]
fn every_log_line_and_error_is_explained_in_troubleshooting() {
    let page = plain(&read("docs/guide/troubleshooting.md"));
    let mut count = 0;
    for (path, text) in files("src", "rs") {
        for line in log_lines(&imports::code(&text)) {
            count += 1;
            let at = path.display();
            assert!(page.contains(&line), "{at}: the log line is not in troubleshooting.md: {line}");
        }
    }
    assert!(count >= 20, "only {count} log lines were found");
    let errors = read("src/error.rs");
    let kinds = errors.split("kinds! {\n").nth(1).and_then(|rest| rest.split('}').next()).expect("kinds");
    let names = kinds.lines().filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name);
    for name in names.chain(["Config", "Unreachable", "Timeout", "Refused"]) {
        let words = page.split(|c: char| !c.is_alphanumeric());
        assert!(words.into_iter().any(|word| word == name), "the error is not in troubleshooting.md: {name}");
    }
}

/// Relative links, by `](…)` and by `[…]: …`, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let defined = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, link)| link);
        links.extend(inline.chain(defined).map(str::to_owned));
    }
    links.retain(|link| !link.contains("::") && !link.contains("//"));
    links
}

/// The headings, as GitHub names them.
fn headings(text: &str) -> BTreeSet<String> {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    let name = |title: &str| title.trim().to_lowercase().chars().filter(kept).collect::<String>();
    let titles = text.lines().filter(|line| line.starts_with('#'));
    titles.map(|line| name(line.trim_start_matches('#')).replace(' ', "-")).collect()
}

/// What the code logs, each up to its first variable part or the end of its first sentence.
fn log_lines(code: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for begin in
        ["tracing::error!(", "tracing::warn!(", "tracing::info!(", "tracing::debug!(", "tracing::trace!("]
    {
        let calls = code.match_indices(begin).map(|(at, _)| arguments(&code[at + begin.len()..]));
        lines.extend(calls.filter_map(|call| literals(call).into_iter().max_by_key(String::len)));
    }
    // Texts that are passed to a function which logs them once.
    let calls = code.match_indices("warn_once(").map(|(at, begin)| arguments(&code[at + begin.len()..]));
    let advice =
        code.match_indices("let advice = ").map(|(at, _)| code[at..].split(';').next().unwrap_or(""));
    lines.extend(calls.chain(advice).flat_map(literals));
    let lines = lines.iter().map(|line| plain(line));
    let lines = lines.map(|line| line.split('{').next().unwrap_or("").to_owned());
    let lines = lines.map(|line| line.split(". ").next().unwrap_or("").trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// Up to the bracket that closes the call.
fn arguments(rest: &str) -> &str {
    let mut depth = 1;
    let mut in_text = false;
    for (at, c) in rest.char_indices() {
        match c {
            '"' if !rest[..at].ends_with('\\') => in_text = !in_text,
            '(' if !in_text => depth += 1,
            ')' if !in_text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &rest[..at];
        }
    }
    rest
}

/// The texts in quotes.
fn literals(code: &str) -> Vec<String> {
    let code = code.replace("\\\"", "'");
    code.split('"').skip(1).step_by(2).map(|text| text.replace("\\\n", " ")).collect()
}

/// Without marks of code, and with single blanks.
fn plain(text: &str) -> String {
    text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
}
