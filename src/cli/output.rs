//! Where rendered bytes go.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use ungil::report::Style;

use super::args::GlobalArguments;
use super::error_page::Failure;

/// Whether output to this place is coloured: a file only when colours are asked for by name.
pub(crate) fn style(global: &GlobalArguments, file: Option<&Path>) -> Style {
    let choice = match (global.color.choice(), file) {
        (anstream::ColorChoice::Auto, Some(_)) => anstream::ColorChoice::Never,
        (anstream::ColorChoice::Auto, None) => anstream::AutoStream::choice(&io::stdout()),
        (choice, _) => choice,
    };
    match choice {
        anstream::ColorChoice::Never => Style::Plain,
        _ => Style::Coloured,
    }
}

/// Writes to the file, or to standard output. A reader that has seen enough and closed the pipe is no error.
pub(crate) fn write(bytes: &[u8], file: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = file {
        return std::fs::write(path, bytes).map_err(|error| {
            Failure::caused(format!("cannot write {}", path.display()), error).hint("--output names the file to write")
        });
    }
    let mut stream = anstream::AutoStream::new(io::stdout().lock(), anstream::ColorChoice::Always);
    match stream.write_all(bytes).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::caused("cannot write to standard output", error))
        }
        _ => Ok(()),
    }
}

/// A line on standard error, beside the output.
pub(crate) fn note(line: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{line}");
}
