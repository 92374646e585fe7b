//! All integration tests in one binary: they link once.

mod index;
// A part of the command, which is no library: its tests run here, without the command around it.
#[path = "../../src/cli/index_settings.rs"]
mod index_settings;
mod server;
