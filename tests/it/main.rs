//! All integration tests in one binary: they link once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

/// Compares with a snapshot in a folder of `tests/snapshots/`; without a name it is called as the test.
macro_rules! snapshot {
    ($folder:literal, $($argument:expr),+ $(,)?) => {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/", $folder),
            prepend_module_to_snapshot => false,
        }, { insta::assert_snapshot!($($argument),+) })
    };
}

mod archive;
mod binary;
mod cli;
mod configuration;
mod dashboard;
mod evaluator;
mod facts;
mod facts_builder;
mod fixtures;
mod forwarded;
mod fuzz_targets;
mod fuzzing;
mod generators;
mod house;
mod import;
mod index;
mod input;
mod instructions;
mod macros;
mod official;
mod report;
mod resolve;
mod rules;
mod scan;
mod server;
mod siblings;
mod sources;
mod truth;
