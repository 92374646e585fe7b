//! How an error is told: what happened, what led to it, and what may help.

use std::error::Error;
use std::fmt;
use std::io::Write;

use anstyle::{AnsiColor, Style};

use ungil::report::harmless;

use super::exit::ExitOutcome;

/// Deepest chain of causes that is told.
const DEEPEST: usize = 16;

/// An error that ends the run, with a hint where there is one.
#[derive(Debug)]
pub(crate) struct CliError {
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
    exit: ExitOutcome,
}

/// A sentence with the error that led to it.
#[derive(Debug)]
struct CausedError {
    what: String,
    cause: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for CausedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl Error for CausedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

impl CliError {
    /// A failure that needs no more than a sentence.
    pub(crate) fn new(what: impl Into<String>) -> CliError {
        CliError {
            error: what.into().into(),
            hint: None,
            exit: ExitOutcome::Usage,
        }
    }

    /// A failure that another error led to.
    pub(crate) fn caused(
        what: impl Into<String>,
        cause: impl Error + Send + Sync + 'static,
    ) -> CliError {
        CliError {
            error: Box::new(CausedError {
                what: what.into(),
                cause: Box::new(cause),
            }),
            hint: None,
            exit: ExitOutcome::Usage,
        }
    }

    /// An error that may know what helps.
    pub(crate) fn hinted(
        hint: Option<String>,
        error: impl Error + Send + Sync + 'static,
    ) -> CliError {
        CliError {
            error: Box::new(error),
            hint,
            exit: ExitOutcome::Usage,
        }
    }

    /// Ends the process with another code than that of wrong usage.
    pub(crate) fn exiting(mut self, exit: ExitOutcome) -> CliError {
        self.exit = exit;
        self
    }

    /// The code with which the process ends.
    pub(crate) fn exit(&self) -> ExitOutcome {
        self.exit
    }

    /// Adds what may help.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> CliError {
        self.hint = Some(hint.into());
        self
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for CliError {
    fn from(error: E) -> CliError {
        CliError {
            error: Box::new(error),
            hint: None,
            exit: ExitOutcome::Usage,
        }
    }
}

/// Tells the failure on standard error.
pub(crate) fn show(failure: &CliError) {
    // Where standard error is closed there is nobody to tell; the exit code still does.
    let _ = write!(anstream::stderr(), "{}", page(failure));
}

fn page(failure: &CliError) -> String {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let cyan = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
    let mut page = format!("{red}error{red:#}: {}\n", lines(&failure.error.to_string()));
    let mut told = failure.error.to_string();
    let mut cause = failure.error.source();
    for _ in 0..DEEPEST {
        let Some(error) = cause else { break };
        let text = error.to_string();
        // Many errors repeat their cause in their own words.
        if !told.contains(&text) {
            page.push_str(&format!("  because: {}\n", lines(&text)));
        }
        told = text;
        cause = error.source();
    }
    if let Some(hint) = &failure.hint {
        page.push_str(&format!("  {cyan}hint{cyan:#}: {}\n", lines(hint)));
    }
    page
}

/// Harmless text whose own line ends are kept, indented.
fn lines(text: &str) -> String {
    text.lines()
        .map(harmless)
        .collect::<Vec<_>>()
        .join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_what_why_and_what_helps() {
        let cause = std::io::Error::other("disk on fire\u{1b}[2J");
        let failure = CliError::caused("cannot write https://me:secret@host/x", cause)
            .hint("use another disk");
        let plain = anstream::adapter::strip_str(&page(&failure)).to_string();
        assert_eq!(
            plain,
            "error: cannot write https://****@host/x\n  because: disk on fire\\u{1b}[2J\n  hint: use another disk\n"
        );
    }
}
