//! `setup.cfg`: setuptools' `install_requires`, `extras_require` and `python_requires`.
//!
//! A list is one requirement a line, or on one line with `;` between them; `file:` names requirements files.
//!
//! <https://setuptools.pypa.io/en/latest/userguide/declarative_config.html>

use super::document::LinedDocument;
use super::error::InputError;
use super::locking::{beside, shown_beside};
use super::requirements_txt::RequirementsTxt;
use super::text::InputText;
use super::{InputAdapter, InputContext, InputFile, add, names};
use crate::model::python_bound::PythonBound;
use crate::model::request::{PackageSources, Request, Requests};

/// Sections that are read.
const OPTIONS: &str = "options";
const EXTRAS: &str = "options.extras_require";

/// The adapter.
pub(super) struct SetupCfg;

impl SetupCfg {
    /// Whether the file says anything of requirements; many only configure tools.
    pub(super) fn has_requirements(file: &InputFile) -> bool {
        let Ok(document) = LinedDocument::new(file, "setup.cfg") else {
            return false;
        };
        entries(&document).is_ok_and(|entries| {
            entries
                .iter()
                .any(|entry| entry.section == EXTRAS || entry.key == "install_requires")
        })
    }
}

impl InputAdapter for SetupCfg {
    fn kind(&self) -> &'static str {
        "setup-cfg"
    }

    fn name(&self) -> &'static str {
        "a project's dependencies, setuptools' (setup.cfg)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        file_name == "setup.cfg"
    }

    fn read(
        &self,
        file: &InputFile,
        context: &InputContext,
        sources: PackageSources,
    ) -> Result<Requests, InputError> {
        let mut requests = Requests {
            sources,
            ..Requests::default()
        };
        let document = LinedDocument::new(file, "setup.cfg")?;
        for entry in entries(&document)? {
            match (entry.section.as_str(), entry.key.as_str()) {
                (OPTIONS, "python_requires") => {
                    let Some(text) = entry.lines.iter().find(|line| !line.is_empty()) else {
                        continue;
                    };
                    let place = text.place(0);
                    let any_of = vec![document.specifiers(text.as_str(), &place)?];
                    requests.pythons.push(PythonBound {
                        any_of,
                        shown: text.shown(),
                        place,
                    });
                }
                (OPTIONS, "install_requires") => listed(&entry, file, context, &mut requests)?,
                (EXTRAS, extra) => {
                    let extra = document.label(extra, &entry.place)?;
                    if context.selection.extras.has(&extra) {
                        listed(&entry, file, context, &mut requests)?;
                    }
                    requests.offered.extras.insert(extra);
                }
                _ => {}
            }
        }
        Ok(requests)
    }
}

/// A key with its value.
struct SetupCfgEntry {
    section: String,
    key: String,
    place: crate::model::place::Place,
    /// The value's lines, the key's own first.
    lines: Vec<InputText>,
}

/// Reads sections and keys as Python's `configparser` does: what is indented goes on, lines that begin with `#` or `;` are
/// comments.
fn entries(document: &LinedDocument) -> Result<Vec<SetupCfgEntry>, InputError> {
    let (mut entries, mut section, mut offset): (Vec<SetupCfgEntry>, _, _) =
        (Vec::new(), String::new(), 0);
    let mut goes_on = false;
    for whole in document.text().split_inclusive('\n') {
        let start = offset;
        offset += whole.len();
        let line = whole.trim_end();
        let begin = start + (line.len() - line.trim_start().len());
        let text = line.trim_start();
        let is_indented = begin > start;
        let at = |from: usize, value: &str| document.string(value, from..from + value.len());
        if text.is_empty() || text.starts_with(['#', ';']) {
            continue;
        }
        if is_indented && goes_on {
            if let Some(entry) = entries.last_mut() {
                entry.lines.push(at(begin, text));
            }
            continue;
        }
        if let Some(name) = text
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .map(|(name, _)| name)
        {
            section = name.trim().to_owned();
            goes_on = false;
            continue;
        }
        let Some(sign) = text.find(['=', ':']) else {
            return Err(document.wrong(
                document.spot(begin),
                &format!("expected `key = value`, found `{text}`"),
            ));
        };
        let (key, value) = text.split_at_checked(sign).unwrap_or((text, ""));
        let value = value.get(1..).unwrap_or_default();
        let from = begin + sign + 1 + (value.len() - value.trim_start().len());
        let place = document.spot(begin);
        let key = key.trim().to_ascii_lowercase().replace('-', "_");
        let key = if section == EXTRAS {
            text.get(..sign).unwrap_or_default().trim().to_owned()
        } else {
            key
        };
        entries.push(SetupCfgEntry {
            section: section.clone(),
            key,
            place,
            lines: vec![at(from, value.trim())],
        });
        goes_on = true;
    }
    Ok(entries)
}

/// The requirements of a list.
fn listed(
    entry: &SetupCfgEntry,
    file: &InputFile,
    context: &InputContext,
    requests: &mut Requests,
) -> Result<(), InputError> {
    let files = entry
        .lines
        .first()
        .and_then(|line| line.as_str().strip_prefix("file:"));
    if let Some(files) = files {
        for name in files
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let file = context.open(&shown_beside(name, file), beside(name, file), &entry.place)?;
            add(
                RequirementsTxt.read(&file, context, std::mem::take(&mut requests.sources))?,
                requests,
            );
        }
        return Ok(());
    }
    let is_list = entry.lines.len() > 1;
    for line in &entry.lines {
        let mut start = 0;
        // On one line `;` stands between requirements, on several before a marker.
        for part in line.as_str().split(|c| c == ';' && !is_list) {
            let text = line.part(start..start + part.len()).trimmed();
            start += part.len() + 1;
            if text.is_empty() {
                continue;
            }
            let (wanted, hashes) = names::wanted(&text, context, &mut requests.sources)?;
            requests.requests.push(Request {
                wanted,
                hashes,
                place: text.place(0),
            });
        }
    }
    Ok(())
}
