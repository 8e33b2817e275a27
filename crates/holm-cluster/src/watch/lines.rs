//! Cuts the body of a watch into lines.

use futures::StreamExt;
use http_body_util::{BodyDataStream, BodyExt};
use kube::client::Body;

/// The lines of a body that arrives bit by bit.
pub(super) struct Lines {
    body: BodyDataStream<Body>,
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where there is no line break.
    searched: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body: body.into_data_stream(), buffer: Vec::new(), start: 0, searched: 0 }
    }

    /// Waits for the next line; none at the end of the body, also when it breaks off. A line without its end is dropped.
    /// May be given up and called again: what has arrived is kept.
    pub(super) async fn next(&mut self) -> Option<&[u8]> {
        loop {
            if let Some(length) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let (start, end) = (self.start, self.searched + length);
                self.start = end + 1;
                self.searched = self.start;
                return Some(&self.buffer[start..end]);
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.searched = self.buffer.len();
            let chunk = self.body.next().await?.ok()?;
            self.buffer.extend_from_slice(&chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_and_the_unfinished_last_one_is_dropped() {
        let mut lines = Lines::new(Body::from(b"{1}\n\n{22}\n{cut".to_vec()));
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await {
            seen.push(String::from_utf8_lossy(line).into_owned());
        }
        assert_eq!(seen, ["{1}", "", "{22}"]);
    }
}
