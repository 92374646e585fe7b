//! All integration tests in one binary: they link once.

#[cfg(test)]
mod resolve;
