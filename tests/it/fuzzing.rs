//! Corpora of the fuzz targets, replayed: what was once found stays found. Each seed is also cut short and changed byte by byte,
//! always in the same way.

use std::path::{Path, PathBuf};

use crate::fuzz_targets::TARGETS;

/// How many changed copies of each seed are tried.
const CHANGES: usize = 24;
/// The largest seed, in bytes.
const LARGEST_SEED: usize = 16 << 10;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder().join("corpus").join(target)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The seed with some bytes changed, or its end cut off.
fn changed(seed: &[u8], round: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ round as u64;
    let mut below = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound.max(1)
    };
    let mut bytes = seed.to_vec();
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        match (below(4), bytes.get_mut(at)) {
            (0, _) => bytes.truncate(at),
            (1, Some(byte)) => *byte = 0xff,
            (2, Some(byte)) => *byte ^= 1 << below(8),
            (_, Some(byte)) => *byte = u8::try_from(below(256)).unwrap(),
            (_, None) => {}
        }
    }
    bytes
}

#[test]
fn corpora_are_replayed() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            assert!(
                seed.len() <= LARGEST_SEED,
                "{name}: a seed of {} bytes",
                seed.len()
            );
            target(&seed);
            (0..CHANGES).for_each(|round| target(&changed(&seed, round)));
        }
    }
}

#[test]
fn each_target_is_built() {
    let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(
            folder().join(format!("fuzz_targets/{name}.rs")).is_file(),
            "{name}"
        );
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}
