//! Where rendered bytes go.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use ungil::report::PaintStyle;

use super::args::GlobalArguments;
use super::error_page::CliError;

/// Whether output to this place is coloured: a file only when colours are asked for by name.
pub(crate) fn style(global: &GlobalArguments, file: Option<&Path>) -> PaintStyle {
    let choice = match (global.color.choice(), file) {
        (anstream::ColorChoice::Auto, Some(_)) => anstream::ColorChoice::Never,
        (anstream::ColorChoice::Auto, None) => anstream::AutoStream::choice(&io::stdout()),
        (choice, _) => choice,
    };
    match choice {
        anstream::ColorChoice::Never => PaintStyle::Plain,
        _ => PaintStyle::Coloured,
    }
}

/// Finds out before the work whether the file can be written after it: what is found there is neither opened for good nor
/// changed.
pub(crate) fn check(file: &Path) -> Result<(), CliError> {
    let checked = match existing(file).map_err(|error| unwritable(file, error))? {
        Some(path) if path.is_dir() => Err(io::Error::from(ErrorKind::IsADirectory)),
        Some(path) if path.is_file() => File::options().append(true).open(&path).map(drop),
        // Opening a pipe would wait for its reader.
        Some(_) => Ok(()),
        None => temporary(folder(file)).map(drop),
    };
    checked.map_err(|error| unwritable(file, error))
}

/// Writes to the file, or to standard output. A reader that has seen enough and closed the pipe is no error.
///
/// The file appears whole or not at all: it is written beside its place and moved there.
pub(crate) fn write(bytes: &[u8], file: Option<&Path>) -> Result<(), CliError> {
    if let Some(path) = file {
        return write_file(bytes, path).map_err(|error| unwritable(path, error));
    }
    let mut stream = anstream::AutoStream::new(io::stdout().lock(), anstream::ColorChoice::Always);
    match stream.write_all(bytes).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CliError::caused("cannot write to standard output", error))
        }
        _ => Ok(()),
    }
}

/// A line on standard error, beside the output.
pub(crate) fn note(line: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{line}");
}

fn unwritable(file: &Path, error: io::Error) -> CliError {
    CliError::caused(format!("cannot write {}", file.display()), error)
        .hint("--output names the file to write")
}

fn write_file(bytes: &[u8], file: &Path) -> io::Result<()> {
    let place = existing(file)?;
    let target = place.as_deref().unwrap_or(file);
    let found = place.as_ref().map(fs::metadata).transpose()?;
    // A device or a pipe takes bytes and cannot be replaced.
    if found.as_ref().is_some_and(|found| !found.is_file()) {
        return fs::write(target, bytes);
    }
    let mut temporary = temporary(folder(target))?;
    temporary.write_all(bytes)?;
    if let Some(found) = found {
        temporary.as_file().set_permissions(found.permissions())?;
    }
    temporary
        .persist(target)
        .map(drop)
        .map_err(|error| error.error)
}

/// The file that is there, links followed; `None` when there is none.
fn existing(file: &Path) -> io::Result<Option<PathBuf>> {
    match fs::canonicalize(file) {
        Ok(path) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn folder(file: &Path) -> &Path {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// A file that goes away unless it is moved, with the permissions that a new file gets.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ungil-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_nothing_is_left_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        for content in ["first", "second"] {
            check(&file).unwrap();
            write(content.as_bytes(), Some(&file)).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_told_before() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        for path in [
            folder.path().to_owned(),
            folder.path().join("none/report.json"),
            folder.path().join("file/x"),
        ] {
            assert!(check(&path).is_err(), "{}", path.display());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(b"new", Some(&link)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        write(b"gone", Some(Path::new("/dev/null"))).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
