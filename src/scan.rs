//! Front door of the library: how the stages meet for one run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::inspection::Inspection;
use crate::model::name::PackageName;
use crate::model::report::Report;
use crate::model::request::{Requests, Sources};
use crate::model::target::Target;

/// What the user named, not read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Words of the command line: files, folders, or requirements such as `numpy==2.5.5`.
    pub words: Vec<String>,
    /// Requirements files.
    pub requirement_files: Vec<PathBuf>,
    /// Constraints files.
    pub constraint_files: Vec<PathBuf>,
    /// Where files may come from, as the command line says; the files' own options are added.
    pub sources: Sources,
    /// What came over standard input, when `-` is among the words.
    pub standard_input: Option<Vec<u8>>,
    /// What `${NAME}` stands for.
    pub variables: BTreeMap<String, String>,
    /// Folder against which relative paths are read.
    pub directory: PathBuf,
}

/// Whether requirements of requirements are scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dependencies {
    /// Every package that an installer would bring along.
    #[default]
    Follow,
    /// Only what is named.
    Leave,
}

/// Whether rules for maintainers are evaluated too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hints {
    /// They are left out.
    #[default]
    Hide,
    /// They are reported.
    Show,
}

/// How what is in the cache is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// As long as the server said that it holds; then it is asked again.
    #[default]
    Revalidate,
    /// Everything is asked again.
    Refresh,
    /// The network is not used at all.
    Offline,
}

/// Settled settings of one scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanSettings {
    /// What the packages are to run on.
    pub targets: Vec<Target>,
    /// Whether requirements of requirements are scanned.
    pub dependencies: Dependencies,
    /// Whether rules for maintainers are evaluated too.
    pub hints: Hints,
    /// How what is in the cache is used.
    pub freshness: Freshness,
    /// Folder of the cache; `None` keeps nothing on disk.
    pub cache: Option<PathBuf>,
}

/// Something that happened during a run, for whoever shows progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The set of packages for this target is being made out.
    Resolving {
        /// The target.
        target: Target,
    },
    /// An index's page for this package has arrived.
    ListingFetched {
        /// The package.
        package: &'a PackageName,
    },
    /// A distribution file is being looked into.
    FileOpened {
        /// Its name.
        filename: &'a str,
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// Bytes of distribution files have arrived.
    BytesFetched {
        /// How many.
        bytes: u64,
    },
    /// A request failed in a way that may pass, and is repeated.
    Repeated {
        /// What was asked for, without credentials.
        url: &'a str,
        /// What happened.
        why: &'a str,
    },
}

/// Someone who wants to know how far the run is.
pub trait Observer: Sync {
    /// Is told of each event, from any thread, in no promised order.
    fn notice(&self, event: Event<'_>);
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn notice(&self, _event: Event<'_>) {}
}

/// What ends a run before there is a report.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A stage is not there yet.
    #[error("{stage} is not connected yet")]
    NotConnected {
        /// Which stage.
        stage: &'static str,
    },
}

/// Reads what the user named.
pub fn requests(_inputs: &Inputs) -> Result<Requests, ScanError> {
    Err(ScanError::NotConnected { stage: "reading the input" })
}

/// Scans all that is asked for, for every target.
pub fn run(_settings: &ScanSettings, _requests: &Requests, _observer: &dyn Observer) -> Result<Report, ScanError> {
    Err(ScanError::NotConnected { stage: "the scan" })
}

/// Ids of the built-in rules, sorted.
pub fn rule_ids() -> Vec<&'static str> {
    Vec::new()
}

/// The page about a built-in rule (Markdown), by its id.
pub fn rule_page(_id: &str) -> Option<&'static str> {
    None
}

/// Shows all that wheels and compiled files say of themselves.
pub fn inspect(_paths: &[PathBuf], _targets: &[Target]) -> Result<Inspection, ScanError> {
    Err(ScanError::NotConnected { stage: "the inspection" })
}
