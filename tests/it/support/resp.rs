//! Commands to one server over a plain connection: no client that would try again, or go to another server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A server that takes longer is stopped, or as good as that.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What a server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Text(String),
    Error(String),
    Number(i64),
    Nothing,
    List(Vec<Answer>),
}

impl Answer {
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Error(text) => text,
            _ => "",
        }
    }

    pub fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            other => other.text().parse().unwrap_or_else(|_| panic!("not a number: {other:?}")),
        }
    }

    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }
}

/// A connection to a server.
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    pub fn to(port: u16) -> io::Result<Self> {
        Self::with_patience(port, ANSWER_MAX)
    }

    pub fn with_patience(port: u16, patience: Duration) -> io::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let connection = TcpStream::connect_timeout(&address, patience)?;
        connection.set_read_timeout(Some(patience))?;
        connection.set_nodelay(true)?;
        Ok(Self(BufReader::new(connection)))
    }

    pub fn ask<T: AsRef<str>>(&mut self, command: &[T]) -> io::Result<Answer> {
        self.0.get_mut().write_all(&encoded(command))?;
        self.answer()
    }

    /// Sends all, then reads all answers.
    pub fn ask_all(&mut self, commands: &[Vec<String>]) -> io::Result<Vec<Answer>> {
        let bytes: Vec<u8> = commands.iter().flat_map(|command| encoded(command)).collect();
        self.0.get_mut().write_all(&bytes)?;
        commands.iter().map(|_| self.answer()).collect()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let (kind, rest) = line.split_at(1);
        let length = || rest.parse::<i64>().map_err(io::Error::other);
        Ok(match kind {
            "+" => Answer::Text(rest.to_owned()),
            "-" => Answer::Error(rest.to_owned()),
            ":" => Answer::Number(length()?),
            "$" => match usize::try_from(length()?) {
                Ok(length) => self.bulk(length)?,
                Err(_) => Answer::Nothing,
            },
            "*" => Answer::List((0..length()?).map(|_| self.answer()).collect::<io::Result<_>>()?),
            _ => return Err(io::Error::other(format!("not an answer: {line}"))),
        })
    }

    fn bulk(&mut self, length: usize) -> io::Result<Answer> {
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(Answer::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn encoded<T: AsRef<str>>(command: &[T]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for word in command {
        let word = word.as_ref();
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

/// The server's answer to this command.
pub fn ask<T: AsRef<str>>(port: u16, command: &[T]) -> io::Result<Answer> {
    Wire::to(port)?.ask(command)
}

/// As [`ask`], a command that the server must carry out. Its words stand between spaces.
pub fn must(port: u16, command: &str) -> Answer {
    let words: Vec<&str> = command.split(' ').collect();
    match ask(port, &words) {
        Ok(Answer::Error(error)) => panic!("{command}: {error}"),
        Ok(answer) => answer,
        Err(error) => panic!("{command}: {error}"),
    }
}

/// A field of what `INFO section` says; "" where it is not.
pub fn info(port: u16, section: &str, field: &str) -> String {
    let Ok(answer) = ask(port, &["INFO", section]) else { return String::new() };
    field_of(answer.text(), field).to_owned()
}

/// A field of lines such as `field:value`.
pub fn field_of<'t>(text: &'t str, field: &str) -> &'t str {
    let value = |line: &'t str| line.strip_prefix(field)?.strip_prefix(':');
    text.lines().find_map(value).unwrap_or_default().trim()
}

/// How often the server has carried out this command.
pub fn calls(port: u16, command: &str) -> u64 {
    let field = info(port, "commandstats", &format!("cmdstat_{command}"));
    let count = field.strip_prefix("calls=").and_then(|rest| rest.split(',').next());
    count.map_or(0, |count| count.parse().expect("a number"))
}
