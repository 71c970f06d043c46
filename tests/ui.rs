//! What the compiler says where a part of a cached entity is missing, or a write goes past its cache.
//!
//! The texts are one compiler's: other versions skip this test. To record them anew, run it with `UI_RECORD=1` on that
//! compiler. Each case is compiled against what cargo has built for the tests: trybuild would build every dependency
//! a second time, which takes longer than all other tests together.

use serde_json::Value;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler that the recorded texts are from.
const COMPILER: &str = "rustc 1.95.";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What the cases name.
const CRATES: [&str; 2] = ["sea_orm", "sea_orm_autocache"];

#[test]
fn a_missing_part_is_named_with_what_to_add() {
    let version = Command::new(rustc()).arg("--version").output().expect("rustc runs").stdout;
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with(COMPILER) {
        println!("skipped: the texts were recorded with {COMPILER}x, this is {version}");
        return;
    }
    let built = Built::by_cargo();
    let cases: Vec<_> = fs::read_dir(Path::new(ROOT).join("tests/ui"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    assert!(!cases.is_empty());
    let other: Vec<_> = cases.iter().filter_map(|case| difference(case, &built.messages(case))).collect();
    assert!(other.is_empty(), "other than recorded (UI_RECORD=1 records them):\n\n{}", other.join("\n\n"));
}

/// What the test of this case found to be otherwise; `None` if nothing.
fn difference(case: &Path, messages: &str) -> Option<String> {
    let recorded = case.with_extension("stderr");
    if env::var_os("UI_RECORD").is_some() {
        fs::write(recorded, messages).expect("a writable folder");
        return None;
    }
    let expected = fs::read_to_string(&recorded).unwrap_or_default();
    (expected != messages)
        .then(|| format!("--- {}\n{expected}\n+++ the compiler says\n{messages}", recorded.display()))
}

fn rustc() -> String {
    env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())
}

/// The crates that the cases name, as cargo has built them for this test.
struct Built {
    files: Vec<(&'static str, PathBuf)>,
}

impl Built {
    fn by_cargo() -> Self {
        let mut cargo = Command::new(env!("CARGO"));
        // What cargo sets for a test of this package would make build scripts of others run again, and so their packages.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_"].iter().any(|start| name.starts_with(start)) {
                cargo.env_remove(&*name);
            }
        }
        cargo.args(["test", "--all-features", "--test", "ui", "--no-run", "--message-format=json"]);
        let output = cargo.current_dir(ROOT).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let artifacts: Vec<Value> = String::from_utf8(output.stdout)
            .expect("JSON is UTF-8")
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|message: &Value| message["reason"] == "compiler-artifact")
            .collect();
        let files = CRATES.map(|name| {
            let artifact = artifacts
                .iter()
                .find(|artifact| artifact["target"]["name"] == name && artifact["profile"]["test"] == false)
                .unwrap_or_else(|| panic!("cargo has built no {name}"));
            let mut files = artifact["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let library = files.find(|file| file.ends_with(".rlib")).expect("a library");
            (name, PathBuf::from(library))
        });
        Self { files: files.into() }
    }

    /// What the compiler says of this case, which it must not compile.
    fn messages(&self, case: &Path) -> String {
        let case = case.strip_prefix(ROOT).expect("it is in this folder");
        let mut rustc = Command::new(rustc());
        rustc
            .args([
                "--edition=2024",
                "--emit=metadata",
                "--color=never",
                "--diagnostic-width=140",
                "--out-dir",
            ])
            .arg(env!("CARGO_TARGET_TMPDIR"));
        for (name, file) in &self.files {
            let folder = file.parent().expect("a file is in a folder");
            rustc.arg("--extern").arg(format!("{name}={}", file.display()));
            rustc.arg("-L").arg(format!("dependency={}", folder.display()));
        }
        let output = rustc.arg(case).current_dir(ROOT).output().expect("rustc runs");
        assert!(!output.status.success(), "{} compiles", case.display());
        plain(&String::from_utf8_lossy(&output.stderr))
    }
}

/// The text without what changes although the messages do not: numbers of lines of this crate's sources, with the
/// width of the margin that follows from them, and the compiler's last words.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for line in text.lines().take_while(|line| !line.starts_with("error: aborting due to")) {
        let bare = line.trim_start_matches([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        let line = match bare.split_once("--> ") {
            Some(("", place)) if place.starts_with("src/") => {
                format!(" --> {}", place.split(':').next().unwrap_or(place))
            }
            _ if bare.starts_with("--> ")
                || bare.starts_with("| ")
                || bare.starts_with("= ")
                || bare == "|" =>
            {
                format!(" {bare}")
            }
            _ => line.to_owned(),
        };
        plain.push_str(line.trim_end());
        plain.push('\n');
    }
    plain.trim_end().to_owned() + "\n"
}
