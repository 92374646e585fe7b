//! What `pyproject.toml` leaves to the build: setuptools takes it from files, which are read; else nobody knows it here.
//!
//! <https://setuptools.pypa.io/en/latest/userguide/pyproject_config.html#dynamic-metadata>

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{PyprojectDocument, PyprojectReader};
use crate::input::error::InputError;
use crate::input::locking::{beside, shown_beside};
use crate::input::pkg_info::PkgInfo;
use crate::input::requirements_txt::RequirementsTxt;
use crate::input::setup_cfg::SetupCfg;
use crate::input::{FileKind, InputAdapter, InputFile, add};
use crate::model::place::Place;

/// `[tool.setuptools]`, as far as it names files with requirements.
#[derive(Default, Deserialize)]
pub(super) struct SetuptoolsTable {
    #[serde(default)]
    dynamic: DynamicFields,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DynamicFields {
    dependencies: Option<ListedFiles>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, ListedFiles>,
}

#[derive(Deserialize)]
struct ListedFiles {
    file: Option<FileNameOrNames>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a file, or a list of files")]
enum FileNameOrNames {
    One(String),
    More(Vec<String>),
}

impl ListedFiles {
    fn files(&self) -> &[String] {
        match &self.file {
            None => &[],
            Some(FileNameOrNames::One(file)) => std::slice::from_ref(file),
            Some(FileNameOrNames::More(files)) => files,
        }
    }
}

impl PyprojectReader<'_, '_> {
    /// Looks for what the build would fill in; the places are those at which it is called dynamic.
    pub(super) fn left_to_build(
        &mut self,
        raw: &PyprojectDocument,
        dependencies: Option<Place>,
        optional: Option<Place>,
    ) -> Result<(), InputError> {
        let dynamic = &raw.tool.setuptools.dynamic;
        let main = dynamic
            .dependencies
            .as_ref()
            .map_or(&[][..], ListedFiles::files);
        if !main.is_empty() || !dynamic.optional_dependencies.is_empty() {
            main.iter().try_for_each(|file| self.requirements(file))?;
            let extras = self.labels(dynamic.optional_dependencies.keys().cloned())?;
            for (label, listed) in extras
                .into_iter()
                .zip(dynamic.optional_dependencies.values())
            {
                if self.context.selection.extras.has(&label) {
                    listed
                        .files()
                        .iter()
                        .try_for_each(|file| self.requirements(file))?;
                }
                self.requests.offered.extras.insert(label);
            }
            return Ok(());
        }
        // An unpacked source distribution says what its build found; setuptools reads its older file too.
        for (adapter, name) in [
            (&PkgInfo as &dyn InputAdapter, "PKG-INFO"),
            (&SetupCfg, "setup.cfg"),
        ] {
            if let Some(file) = self.beside(name)?
                && (name != "setup.cfg" || SetupCfg::has_requirements(&file))
            {
                return self.add(adapter, &file);
            }
        }
        let place = match (dependencies, optional) {
            (Some(place), _) | (None, Some(place)) => place,
            (None, None) if self.beside("setup.py")?.is_some() => self.document.line(1),
            // A file that only configures tools asks for nothing.
            (None, None) => return Ok(()),
        };
        let message = "only a build knows the project's dependencies: they are dynamic, or setup.py gives them; scan a lock \
                       file, or a wheel of the project";
        self.problem(None, &place, message.to_owned());
        Ok(())
    }

    /// Adds what another file asks for.
    fn add(&mut self, adapter: &dyn InputAdapter, file: &InputFile) -> Result<(), InputError> {
        let sources = std::mem::take(&mut self.requests.sources);
        add(adapter.read(file, self.context, sources)?, self.requests);
        Ok(())
    }

    fn requirements(&mut self, name: &str) -> Result<(), InputError> {
        let (path, shown) = (beside(name, self.file), shown_beside(name, self.file));
        let file = self.context.open(&shown, path, &self.document.line(1))?;
        self.add(&RequirementsTxt, &file)
    }

    fn beside(&self, name: &str) -> Result<Option<InputFile>, InputError> {
        let path = beside(name, self.file);
        if self.context.files.kind(&path) != Some(FileKind::File) {
            return Ok(None);
        }
        self.context
            .open(&shown_beside(name, self.file), path, &self.document.line(1))
            .map(Some)
    }
}
