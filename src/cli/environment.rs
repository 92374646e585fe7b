//! What the command takes from the machine: the one place where variables, the current folder, the terminal and the
//! clock are looked at.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use etcetera::BaseStrategy;

use ungil::model::date::{Date, DateError};
use ungil::model::target::Platform;

use super::error_page::CliError;
use super::index_settings::{HostMachine, HostSystem};

/// Columns where nothing says how many there are.
const COLUMNS: usize = 100;

/// The machine, as this process sees it.
#[derive(Debug)]
pub(crate) struct ProcessEnvironment {
    /// Variables that are text.
    pub(crate) variables: BTreeMap<String, String>,
    /// The current folder.
    pub(crate) directory: PathBuf,
    /// When the command started.
    pub(crate) now: SystemTime,
}

impl ProcessEnvironment {
    /// Looks at this process.
    pub(crate) fn of_this_process() -> Result<ProcessEnvironment, CliError> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let directory = std::env::current_dir().map_err(|error| {
            CliError::caused("cannot tell which folder this is", error).hint("does it still exist?")
        })?;
        Ok(ProcessEnvironment {
            variables: std::env::vars_os().filter_map(text).collect(),
            directory,
            now: SystemTime::now(),
        })
    }

    /// The folder of the repository in which the command runs; the current one where that is in none. Other tools know
    /// files by their path in the repository.
    pub(crate) fn repository(&self) -> &Path {
        // A folder; in a further work tree and in a submodule a file.
        self.directory
            .ancestors()
            .find(|folder| folder.join(".git").exists())
            .unwrap_or(&self.directory)
    }

    /// Columns of the terminal that standard output is; `COLUMNS` where it says more.
    pub(crate) fn width(&self) -> usize {
        let told = self
            .variables
            .get("COLUMNS")
            .and_then(|columns| columns.parse().ok())
            .filter(|columns| *columns > 0);
        let seen = || {
            comfy_table::Table::new()
                .width()
                .filter(|columns| *columns > 0)
                .map(usize::from)
        };
        told.or_else(seen).unwrap_or(COLUMNS)
    }

    /// Whether standard error is a terminal.
    pub(crate) fn shows_progress(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// The system's folder for caches, with ours in it.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        Some(
            etcetera::choose_base_strategy()
                .ok()?
                .cache_dir()
                .join("ungil"),
        )
    }

    /// The start in RFC 3339, in whole seconds.
    pub(crate) fn timestamp(&self) -> String {
        let seconds = self
            .now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |passed| passed.as_secs());
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// What was typed, or else what a variable lists, separated by blanks.
    pub(crate) fn or_listed(&self, variable: &str, typed: &[String]) -> Vec<String> {
        let listed = self.variables.get(variable).filter(|_| typed.is_empty());
        listed.map_or_else(
            || typed.to_vec(),
            |words| words.split_whitespace().map(str::to_owned).collect(),
        )
    }

    /// The day on which the run started, in UTC.
    pub(crate) fn today(&self) -> Result<Date, DateError> {
        self.timestamp()
            .split('T')
            .next()
            .unwrap_or_default()
            .parse()
    }

    /// The encoding that the locale names, such as `ISO-8859-1`; UTF-8 is tried anyway.
    pub(crate) fn encoding(&self) -> Option<String> {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| self.variables.get(*name))?;
        locale
            .split_once('.')
            .map(|(_, encoding)| encoding.to_owned())
    }

    /// The machine, as far as index settings depend on it.
    pub(crate) fn host(&self) -> HostMachine {
        let system = match std::env::consts::OS {
            "macos" => HostSystem::MacOs,
            "windows" => HostSystem::Windows,
            _ => HostSystem::Unix,
        };
        HostMachine {
            system,
            home: std::env::home_dir(),
            folder: self.directory.clone(),
            now: self.now,
        }
    }

    /// The platform of this machine, when ungil judges it.
    pub(crate) fn platform(&self) -> Option<Platform> {
        let system = match std::env::consts::OS {
            "linux" if is_musl() => "musllinux",
            "linux" => "linux",
            "macos" => "macos",
            "windows" => "windows",
            _ => return None,
        };
        format!("{system}-{}", std::env::consts::ARCH).parse().ok()
    }
}

/// Whether the system's own programs use musl: its loader is there and glibc's is not. How ungil itself was linked says
/// nothing.
fn is_musl() -> bool {
    let architecture = std::env::consts::ARCH;
    let glibc = [
        format!("/lib64/ld-linux-{}.so.2", architecture.replace('_', "-")),
        format!("/lib/ld-linux-{architecture}.so.1"),
    ];
    Path::new(&format!("/lib/ld-musl-{architecture}.so.1")).exists()
        && !glibc.iter().any(|path| Path::new(path).exists())
}

/// Year, month and day of a number of days after 1970-01-01, in the Gregorian calendar: every 400 years, counted from
/// the first of March so that the leap day comes last, have the same 146 097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_start_is_told_in_utc() {
        for (seconds, told) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_262_400, "2026-11-21T12:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let environment = ProcessEnvironment {
                variables: BTreeMap::new(),
                directory: PathBuf::new(),
                now,
            };
            assert_eq!(environment.timestamp(), told);
            assert_eq!(environment.today().unwrap().to_string(), told[..10]);
        }
    }
}
