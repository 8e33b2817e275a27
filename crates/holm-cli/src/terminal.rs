//! The two streams that a run writes to: standard output for data, standard error for everything else.
//!
//! A reader that goes away (`plan | head`) is no error: what comes after is dropped, and an apply goes on to its end. Any
//! other failure to write data is kept and reported at the end of the run.

use std::io::{self, IsTerminal as _, Write};

use crate::args::ColorWhen;
use crate::style::{Layout, Line, Role};

/// Both streams.
pub struct Terminal {
    data: Stream,
    rest: Stream,
    /// Whether somebody is there to answer a question.
    is_interactive: bool,
}

struct Stream {
    writer: Box<dyn Write + Send>,
    layout: Layout,
    /// Whether the cursor can be moved on it.
    is_live: bool,
    failure: Option<io::Error>,
}

impl Terminal {
    /// The streams of this process.
    pub fn of_process(color: ColorWhen) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let has_color = |is_terminal: bool| match color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => is_terminal && !is_dumb && !no_color,
        };
        let (out, err) = (io::stdout(), io::stderr());
        let columns = |size: Option<(terminal_size::Width, terminal_size::Height)>| {
            size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
        };
        let data = Stream {
            layout: Layout {
                color: has_color(out.is_terminal()),
                width: columns(terminal_size::terminal_size_of(&out)),
            },
            is_live: false,
            writer: Box::new(out),
            failure: None,
        };
        let rest = Stream {
            layout: Layout {
                color: has_color(err.is_terminal()),
                width: columns(terminal_size::terminal_size_of(&err)),
            },
            is_live: err.is_terminal() && !is_dumb,
            writer: Box::new(err),
            failure: None,
        };
        let is_interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { data, rest, is_interactive }
    }

    /// Streams to somewhere else, with nobody there to answer.
    #[cfg(test)]
    pub fn to(data: Box<dyn Write + Send>, rest: Box<dyn Write + Send>, layout: Layout) -> Self {
        let stream = |writer| Stream { writer, layout, is_live: false, failure: None };
        Self { data: stream(data), rest: stream(rest), is_interactive: false }
    }

    /// Writes data.
    pub fn data(&mut self, text: &str) {
        self.data.write(text);
    }

    /// Writes what is not data.
    pub fn say(&mut self, text: &str) {
        self.rest.write(text);
    }

    /// Writes one line that is not data, laid out.
    pub fn say_line(&mut self, line: &Line) {
        let mut text = String::new();
        line.write(self.rest.layout, &mut text);
        self.say(&text);
    }

    /// Writes a warning.
    pub fn warn(&mut self, text: &str) {
        self.say_line(&Line::default().role(Role::Warning, "warning:").text(" ").hang_here().text(text));
    }

    /// Writes the warnings of a declaration.
    pub fn warn_of(&mut self, warnings: &[holm_core::Warning], home: Option<&str>) {
        let mut text = String::new();
        crate::render::warning::write(warnings, home, self.rest.layout, &mut text);
        self.say(&text);
    }

    /// How data is laid out.
    pub fn data_layout(&self) -> Layout {
        self.data.layout
    }

    /// How everything else is laid out.
    pub fn rest_layout(&self) -> Layout {
        self.rest.layout
    }

    /// Whether progress can be redrawn in place.
    pub fn is_live(&self) -> bool {
        self.rest.is_live
    }

    /// Whether somebody is there to answer a question.
    pub fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// The number of columns of the stream for everything else, as it is now: people resize their windows.
    pub fn columns_now(&mut self) -> Option<usize> {
        let size = if self.rest.is_live { terminal_size::terminal_size_of(io::stderr()) } else { None };
        if let Some((width, _)) = size {
            self.rest.layout.width = Some(usize::from(width.0).max(1));
        }
        self.rest.layout.width
    }

    /// The failure to write data, if there was one.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.data.failure.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }
}

impl Stream {
    fn write(&mut self, text: &str) {
        if self.failure.is_none() && !text.is_empty() {
            let written = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush());
            self.failure = written.err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(io::ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_is() {
        let cases = [(io::ErrorKind::BrokenPipe, None), (io::ErrorKind::StorageFull, Some(io::ErrorKind::StorageFull))];
        for (kind, expected) in cases {
            let mut terminal = Terminal::to(Box::new(Fails(kind)), Box::new(io::sink()), Layout::default());
            terminal.data("some");
            terminal.data("more");
            assert_eq!(terminal.take_failure().map(|error| error.kind()), expected);
        }
    }
}
