//! Which build file names the source of a module.

use std::collections::HashMap;

use crate::model::facts::Generator;
use crate::model::source::SourceModule;

use super::script::BuildScript;

/// How many build files are remembered for one word.
const MOST_NAMING: usize = 8;

/// Which build files have a word, by their positions: looked up once for each module, however many files there are.
pub(super) struct WordIndex<'a> {
    words: HashMap<&'a str, Vec<usize>>,
    scripts: &'a [BuildScript],
}

impl<'a> WordIndex<'a> {
    pub(super) fn of(scripts: &'a [BuildScript]) -> WordIndex<'a> {
        let mut words: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, script) in scripts.iter().enumerate() {
            for part in script.parts() {
                let known = words.entry(part).or_default();
                if known.len() < MOST_NAMING {
                    known.push(at);
                }
            }
        }
        WordIndex { words, scripts }
    }

    /// Those that have a word, the first ones.
    pub(super) fn of_word(&self, word: &str) -> impl Iterator<Item = usize> {
        self.words.get(word).into_iter().flatten().copied()
    }

    /// The first build file that names the module's source, or every source of its kind.
    pub(super) fn first(&self, module: &SourceModule) -> Option<usize> {
        let file = module.place.path.rsplit('/').next().unwrap_or_default();
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        if matches!(
            module.generator,
            Generator::Pyo3 | Generator::Cffi | Generator::Mypyc
        ) || ending == "rs"
        {
            return (!self.scripts.is_empty()).then_some(0);
        }
        let (all, of_kind) = (format!("*.{ending}"), format!(".{ending}"));
        let words = [file, &all, &of_kind, &module.name];
        let whole = words
            .into_iter()
            .filter_map(|word| self.of_word(word).next())
            .min();
        let is_manifest = |at: &usize| {
            self.scripts
                .get(*at)
                .is_some_and(|script| script.path == "pyproject.toml")
        };
        let by_stem = self.of_word(stem(file)).find(|at| !is_manifest(at));
        [whole, by_stem].into_iter().flatten().min()
    }
}

/// A file's name up to its first dot.
pub(super) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split_once('.').map_or(name, |(stem, _)| stem)
}
