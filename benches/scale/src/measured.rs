//! What has been measured, from `measured.txt`: lines of `name = value`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

pub struct Measured(BTreeMap<String, String>);

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("measured.txt")
}

impl Measured {
    /// # Errors
    /// The file cannot be read, or has a line of another form.
    pub fn load() -> io::Result<Self> {
        let text = match fs::read_to_string(path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let pair = |line: &str| {
            let (name, value) = line.split_once(" = ")?;
            Some((name.to_owned(), value.to_owned()))
        };
        let pairs =
            lines.map(|line| pair(line).ok_or_else(|| io::Error::other(format!("measured.txt: {line}"))));
        Ok(Self(pairs.collect::<io::Result<_>>()?))
    }

    /// # Panics
    /// If it has not been measured.
    pub fn text(&self, name: &str) -> &str {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("measured.txt has no `{name}`: run scripts/scale.sh --measure"))
    }

    /// # Panics
    /// If it has not been measured, or is no number.
    pub fn number(&self, name: &str) -> f64 {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| panic!("measured.txt: `{name}` is no number: {text}"))
    }

    /// Those whose names begin so, without that beginning.
    pub fn under(&self, prefix: &str) -> Vec<(&str, &str)> {
        let found =
            self.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())));
        found.collect()
    }

    #[cfg(feature = "measure")]
    pub fn set(&mut self, name: impl Into<String>, value: impl ToString) {
        let (name, value) = (name.into(), value.to_string());
        println!("{name} = {value}");
        self.0.insert(name, value);
    }

    #[cfg(feature = "measure")]
    pub fn save(&self) -> io::Result<()> {
        let mut text =
            "# By scripts/scale.sh --measure. Bytes, and microseconds of the server's processor time.\n"
                .to_owned();
        for (name, value) in &self.0 {
            text.push_str(&format!("{name} = {value}\n"));
        }
        fs::write(path(), text)
    }
}
