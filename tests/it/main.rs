//! All integration tests in one binary: they link once.

mod report;
mod archive;
mod resolve;
