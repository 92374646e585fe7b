//! An index with distributions to choose from, in either form, as routes of the scripted server.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use std::collections::BTreeMap;

use crate::server::{Reply, Routes};

use super::distributions::{Wheel, sdist, sha256};

/// How index pages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// PEP 503.
    #[default]
    Html,
    /// PEP 691.
    Json,
}

/// Whether METADATA is served beside the wheels (PEP 658).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum MetadataFiles {
    /// It is not.
    #[default]
    Absent,
    /// It is, and the pages say so.
    Served,
}

#[derive(Clone)]
struct File {
    filename: String,
    bytes: Vec<u8>,
    metadata: Option<String>,
}

impl File {
    /// `Requires-Python`, as the index states it.
    fn requires_python(&self) -> Option<&str> {
        self.metadata
            .as_ref()?
            .lines()
            .find_map(|line| line.strip_prefix("Requires-Python: "))
    }
}

/// What is on offer.
#[derive(Clone, Default)]
pub(super) struct FakeIndex {
    projects: BTreeMap<String, Vec<File>>,
    form: Form,
    metadata_files: MetadataFiles,
}

impl FakeIndex {
    /// With these wheels.
    pub(super) fn with(wheels: impl IntoIterator<Item = Wheel>) -> FakeIndex {
        wheels
            .into_iter()
            .fold(FakeIndex::default(), FakeIndex::and)
    }

    /// With one more wheel.
    pub(super) fn and(self, wheel: Wheel) -> FakeIndex {
        let metadata = Some(wheel.metadata());
        self.file(wheel.parts()[0], &wheel.filename, wheel.bytes(), metadata)
    }

    /// With an sdist.
    pub(super) fn and_sdist(self, name: &str, version: &str, requires: &[&str]) -> FakeIndex {
        self.file(
            name,
            &format!("{name}-{version}.tar.gz"),
            sdist(name, version, requires),
            None,
        )
    }

    /// With a file of this content.
    pub(super) fn file(
        mut self,
        name: &str,
        filename: &str,
        bytes: Vec<u8>,
        metadata: Option<String>,
    ) -> FakeIndex {
        let file = File {
            filename: filename.to_owned(),
            bytes,
            metadata,
        };
        self.projects
            .entry(name.replace('_', "-"))
            .or_default()
            .push(file);
        self
    }

    /// In this form.
    pub(super) fn in_form(self, form: Form, metadata_files: MetadataFiles) -> FakeIndex {
        FakeIndex {
            form,
            metadata_files,
            ..self
        }
    }

    /// The bytes of a file on offer.
    pub(super) fn bytes(&self, filename: &str) -> Vec<u8> {
        self.projects
            .values()
            .flatten()
            .find(|file| file.filename == filename)
            .unwrap()
            .bytes
            .clone()
    }

    /// Bytes of all files on offer.
    pub(super) fn total(&self) -> u64 {
        self.projects
            .values()
            .flatten()
            .map(|file| file.bytes.len() as u64)
            .sum()
    }

    /// Pages below `/simple/`, files below `/files/`.
    pub(super) fn routes(&self) -> Routes {
        let mut routes = Routes::new();
        for (project, files) in &self.projects {
            routes = routes.reply(&format!("/simple/{project}/"), self.page(project));
            for file in files {
                let path = format!("/files/{}", file.filename);
                routes = routes.file(&path, file.bytes.clone());
                if let (Some(metadata), MetadataFiles::Served) =
                    (&file.metadata, self.metadata_files)
                {
                    routes = routes.file(&format!("{path}.metadata"), metadata.clone());
                }
            }
        }
        routes
    }

    /// A project's page, fresh for ten minutes as PyPI's.
    pub(super) fn page(&self, project: &str) -> Reply {
        let files = &self.projects[project];
        let page = match self.form {
            Form::Html => Reply::html(self.html(files)),
            Form::Json => Reply::json(self.json(project, files)),
        };
        page.with("Cache-Control", "max-age=600, public")
    }

    fn served<'a>(&self, file: &'a File) -> Option<&'a String> {
        file.metadata
            .as_ref()
            .filter(|_| self.metadata_files == MetadataFiles::Served)
    }

    fn html(&self, files: &[File]) -> String {
        let links: String = files
            .iter()
            .map(|file| {
                let digest = sha256(&file.bytes);
                let metadata = self
                    .served(file)
                    .map(|metadata| format!(" data-core-metadata=\"sha256={}\"", sha256(metadata.as_bytes())));
                let name = &file.filename;
                let metadata = metadata.unwrap_or_default();
                let python = file.requires_python().map(|wanted| {
                    format!(" data-requires-python=\"{}\"", wanted.replace('<', "&lt;").replace('>', "&gt;"))
                });
                let python = python.unwrap_or_default();
                format!("<a href=\"../../files/{name}#sha256={digest}\"{metadata}{python}>{name}</a><br>\n")
            })
            .collect();
        format!("<!DOCTYPE html><html><body>\n{links}</body></html>\n")
    }

    fn json(&self, project: &str, files: &[File]) -> String {
        let files: Vec<_> = files
            .iter()
            .map(|file| {
                let metadata = self.served(file);
                serde_json::json!({
                    "filename": file.filename,
                    "url": format!("/files/{}", file.filename),
                    "hashes": { "sha256": sha256(&file.bytes) },
                    "size": file.bytes.len(),
                    "core-metadata": match metadata {
                        Some(metadata) => serde_json::json!({ "sha256": sha256(metadata.as_bytes()) }),
                        None => serde_json::json!(false),
                    },
                })
            })
            .collect();
        serde_json::json!({ "meta": { "api-version": "1.1" }, "name": project, "files": files })
            .to_string()
    }
}
