//! Compiled fixtures: what a recipe put into the folder `built` of a folder of fixtures.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

/// A folder below `fixtures`.
pub(crate) struct Fixtures(pub(crate) &'static str);

impl Fixtures {
    pub(crate) fn folder(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(self.0)
    }

    pub(crate) fn built(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder().join("built").join(name)).unwrap()
    }

    /// Names of all of them, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder().join("built")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// That the recipe built each of them, and nothing else lies there.
    #[track_caller]
    pub(crate) fn check_sums(&self) {
        let expected = std::fs::read_to_string(self.folder().join("SHA256SUMS")).unwrap();
        let sum = |name: String| {
            let digest: String = Sha256::digest(self.built(&name))
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("{digest}  built/{name}")
        };
        let found: Vec<String> = self.names().into_iter().map(sum).collect();
        assert_eq!(found, expected.lines().collect::<Vec<_>>());
    }
}
