//! Calls cargo for one program at a time.

use crate::Result;
use crate::program::{Program, Workspace};
use crate::wrapper::{self, NOTES};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const IR_FLAGS: [&str; 11] = [
    "--emit=llvm-ir",
    "-C",
    "no-prepopulate-passes",
    "-C",
    "codegen-units=1",
    "-C",
    "opt-level=0",
    "-C",
    "debuginfo=0",
    "-C",
    "symbol-mangling-version=v0",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    Check,
    Debug,
    /// A debug build that finds what the one before it has left.
    Incremental,
    Release,
}

impl Build {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Check => &["check"],
            Self::Debug => &["build"],
            Self::Incremental => &["build", "--config", "profile.dev.incremental=true"],
            Self::Release => &["build", "--release"],
        }
    }
}

#[derive(Debug)]
pub struct Cargo {
    pub workspace: Workspace,
    /// Of all builds with one library.
    pub target: PathBuf,
    /// This program.
    pub wrapper: PathBuf,
}

impl Cargo {
    /// Compiles what a program needs, and the program. Nothing is measured.
    pub fn prepare(&self, program: Program, build: Build) -> Result<()> {
        self.run(program, build.arguments(), &[])
    }

    /// Seconds of user CPU of rustc for this program alone, compiled anew.
    pub fn compile(&self, program: Program, build: Build) -> Result<f64> {
        self.workspace.touch(program)?;
        self.rebuild(program, build)
    }

    /// The same, for what was changed before.
    pub fn rebuild(&self, program: Program, build: Build) -> Result<f64> {
        let notes = self.notes();
        let _ = fs::remove_file(&notes);
        // One job: what threads of one rustc take from each other is not the program's.
        self.run(program, build.arguments(), &["--jobs", "1"])?;
        wrapper::noted(&notes, &program.crate_name())
    }

    /// Bytes of the library file that the last debug build has left.
    pub fn rlib_bytes(&self, program: Program) -> Result<u64> {
        let file = self.target.join("debug").join(format!("lib{}.rlib", program.crate_name()));
        Ok(fs::metadata(file)?.len())
    }

    /// The text of LLVM IR, as rustc hands it to LLVM.
    pub fn llvm_ir(&self, program: Program) -> Result<String> {
        for file in self.ir_files(program)? {
            fs::remove_file(file)?;
        }
        self.workspace.touch(program)?;
        let arguments: Vec<&str> = ["--lib", "--"].into_iter().chain(IR_FLAGS).collect();
        self.run(program, &["rustc"], &arguments)?;
        let files = self.ir_files(program)?;
        let [file] = files.as_slice() else {
            return Err(format!("{} files of LLVM IR instead of one", files.len()).into());
        };
        let text = fs::read_to_string(file)?;
        fs::remove_file(file)?;
        Ok(text)
    }

    fn ir_files(&self, program: Program) -> Result<Vec<PathBuf>> {
        let folder = self.target.join("debug/deps");
        let head = format!("{}-", program.crate_name());
        let is_ir = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(&head) && name.ends_with(".ll")
        };
        let entries = fs::read_dir(folder).into_iter().flatten();
        let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        Ok(paths.into_iter().filter(|path| is_ir(path)).collect())
    }

    fn notes(&self) -> PathBuf {
        self.target.join("compile-bench.notes")
    }

    /// Settings of the caller do not change what is measured, apart from the number of jobs.
    fn run(&self, program: Program, arguments: &[&str], more: &[&str]) -> Result<()> {
        let (first, rest) = arguments.split_first().ok_or("no command of cargo")?;
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.workspace.root).args([first, "--quiet", "--package", &program.package()]);
        command.args(rest).args(more).stdin(Stdio::null());
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL", "RUSTC_WORKSPACE_WRAPPER"] {
            command.env_remove(name);
        }
        command.env("CARGO_TARGET_DIR", &self.target).env("RUSTC_WRAPPER", &self.wrapper);
        command.env(NOTES, self.notes());
        if command.status()?.success() {
            return Ok(());
        }
        Err(format!("cargo {first} of {} failed; see above", program.package()).into())
    }
}
