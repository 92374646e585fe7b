//! Reports and plans that an earlier run wrote, read back from files.

use std::io::Read;
use std::path::Path;

use ungil::report::{ReadError, SavedDocument, SavedReport, read_report, read_saved};

use super::error_page::CliError;

/// Most bytes of a report: twenty times what a scan of 1,500 packages for six targets writes.
const LARGEST: u64 = 1 << 30;

/// Reads a report; the path is what it is called in errors.
pub(crate) fn read(path: &Path) -> Result<SavedReport, CliError> {
    read_with(path, read_report)
}

/// Reads a report or a plan; the path is what it is called in errors.
pub(crate) fn read_either(path: &Path) -> Result<SavedDocument, CliError> {
    read_with(path, read_saved)
}

fn read_with<Found>(
    path: &Path,
    read: fn(&str, &[u8]) -> Result<Found, ReadError>,
) -> Result<Found, CliError> {
    let name = path.display().to_string();
    let cannot = |error| CliError::caused(format!("cannot read the report {name}"), error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    let length = file
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if length as u64 > LARGEST {
        return Err(CliError::new(format!(
            "{name}: expected a report of at most {LARGEST} bytes, found more"
        )));
    }
    read(&name, &bytes).map_err(|error| CliError::hinted(error.hint(), error))
}
