//! HTTP/1.1 over one kept connection: as much as the servers here speak, and nothing that would cost the client time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to a server on this machine.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::with_capacity(1 << 16, stream) })
    }

    /// Status and body.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n", body.len());
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let status = self.line()?.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad("status"))?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().map_err(|_| bad("length"))?,
                Some(("transfer-encoding", value)) => chunked = value.contains("chunked"),
                Some(_) => {}
                None => break,
            }
        }
        let mut answer = Vec::new();
        if chunked {
            self.chunks(&mut answer)?;
        } else {
            self.exactly(length, &mut answer)?;
        }
        Ok((status, answer))
    }

    fn chunks(&mut self, answer: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let length = usize::from_str_radix(&self.line()?, 16).map_err(|_| bad("chunk"))?;
            self.exactly(length, answer)?;
            self.line()?;
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn exactly(&mut self, length: usize, answer: &mut Vec<u8>) -> io::Result<()> {
        let start = answer.len();
        answer.resize(start + length, 0);
        self.stream.read_exact(&mut answer[start..])
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no {what} in the answer"))
}
