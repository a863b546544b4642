//! Reads server-sent events.
//!
//! By hand, because the crates for it read asynchronous streams, and what is used of the format is a few lines.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line that is read: an approval whose call has 4 MiB, twice, each byte escaped.
const LONGEST_LINE: u64 = 64 << 20;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` where it bears none.
    pub name: String,
    /// Its data; several lines are joined by line feeds.
    pub data: String,
}

/// The events of a stream, until it ends.
#[derive(Debug)]
pub struct Events<R> {
    stream: BufReader<R>,
}

impl<R: Read> Events<R> {
    /// The events of this stream.
    pub fn new(stream: BufReader<R>) -> Self {
        Self { stream }
    }

    /// The next line without its end; none at the end of the stream. A line feed ends it, or both characters: a
    /// carriage return alone, which the standard allows too, is written by no server that we know.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.stream.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            let whole = (line.len() as u64) < LONGEST_LINE - 1;
            return if whole { Ok(None) } else { Err(io::Error::other("an event is too long")) };
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map(Some).map_err(io::Error::other)
    }
}

impl<R: Read> Iterator for Events<R> {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<io::Result<Event>> {
        let mut name = String::new();
        let mut data: Option<String> = None;
        loop {
            let line = match self.line().transpose()? {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => data = Some(value.to_owned()),
                },
                // The standard drops an event without data; a name alone says enough for `anything`.
                "" if line.is_empty() && (data.is_some() || !name.is_empty()) => {
                    let name = if name.is_empty() { "message".to_owned() } else { name };
                    return Some(Ok(Event { name, data: data.unwrap_or_default() }));
                }
                // Comments, which are heartbeats here, and fields for resuming, which this stream has not.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out a few bytes at a time, as a network does.
    struct Chunks<'a>(&'a [u8], usize);

    impl Read for Chunks<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(buf.len());
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn events(text: &str, chunk: usize) -> Vec<(String, String)> {
        Events::new(BufReader::new(Chunks(text.as_bytes(), chunk)))
            .map(|event| event.map(|e| (e.name, e.data)).unwrap())
            .collect()
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn events_are_the_same_wherever_the_chunks_end() {
        let text = ": hello\n\nevent: approval\r\ndata: {\"a\":\"ä\u{202e}\"\r\ndata: }\r\n\r\n:\n\
                    event: anything\n\n\ndata:x: y\nid: 7\nretry: 5\n\ndata\n\n";
        let expected = vec![
            event("approval", "{\"a\":\"ä\u{202e}\"\n}"),
            event("anything", ""),
            event("message", "x: y"),
            event("message", ""),
        ];
        for chunk in 1..=text.len() {
            assert_eq!(events(text, chunk), expected, "chunks of {chunk} bytes");
        }
    }

    #[test]
    fn an_event_that_the_end_cuts_off_is_none() {
        assert_eq!(events("data: 1\n\ndata: 2\n", 3), vec![event("message", "1")]);
        assert_eq!(events("data: 1\n\ndata: 2", 3), vec![event("message", "1")]);
    }

    #[test]
    fn what_is_not_utf8_is_an_error() {
        let mut events = Events::new(BufReader::new(&b"data: \xff\n\n"[..]));
        assert!(events.next().unwrap().is_err());
    }
}
