//! `requirements.txt`, as pip reads it.
//!
//! ```text
//! line        = requirement? option*        after continuations, comments and variables (lines.rs)
//! requirement = PEP 508 (names.rs) | path or URL (files.rs)
//! option      = -r FILE | -c FILE | -e FOLDER | --hash ALGORITHM:DIGEST | … (options.rs)
//! ```
//!
//! `-r` and `-c` are relative to the file in which they stand, other paths to the current directory, `-f` to the first of
//! these where it exists. Options that belong to pip as a whole act at once and for everything; beside a requirement,
//! `-r` or `-e` pip ignores them, except `--only-binary` and `--no-binary`, and so does this. What changes neither which
//! files are chosen nor what is in them (`--require-hashes`, `--trusted-host`, `--config-settings`…) is accepted and
//! dropped. Where pip would drop a requirement without a word (a second `-r` on a line, a marker after `-e`), this is an
//! error: less would be scanned than the file seems to ask for. So are names after `--all-releases` and `--only-final`,
//! which the resolution does not know; `:all:` and `:none:` are read.
//!
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/>

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

use super::encoding::decode;
use super::error::InputError;
use super::files::{self, direct_reference, editable, is_url, not_a_hash, reference};
use super::lines::logical_lines;
use super::options::{GivenOption, NAMES, OptionRequest, SplitLine, split};
use super::text::InputText;
use super::{FileKind, InputAdapter, InputContext, InputFile, names, request};
use crate::lexical::normalised;
use crate::model::digest::{Algorithm, Digest};
use crate::model::name::PackageName;
use crate::model::place::Location;
use crate::model::request::{FormatControl, PackageSources, Request, Requests, WantedPackage};

/// Deepest chain of includes: each is read within the one before.
const DEEPEST: usize = 32;
/// Most files that one requirements file may include, counted each time.
const MOST_FILES: usize = 1000;

/// The adapter.
pub(super) struct RequirementsTxt;

impl InputAdapter for RequirementsTxt {
    fn kind(&self) -> &'static str {
        "requirements"
    }

    fn name(&self) -> &'static str {
        "requirements as pip has them (requirements.txt, .in)"
    }

    fn claims(&self, file_name: &str, head: &[u8]) -> bool {
        let name = file_name.to_ascii_lowercase();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        match extension {
            "txt" | "in" | "pip" | "req" | "reqs" | "requirements" | "constraints" => true,
            // `requirements.lock` of rye and others; `uv.lock` and `poetry.lock` are not of this format.
            "lock" => stem.starts_with("requirements") || stem.starts_with("constraints"),
            // Without an extension the content decides: a binary file or one with sections is none.
            _ if !name.contains('.') => {
                !head.contains(&0) && !head.trim_ascii_start().starts_with(b"[")
            }
            _ => false,
        }
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
        let mut reader = RequirementsReader {
            context,
            requests: &mut requests,
            open: Vec::new(),
            files: 0,
        };
        reader.file(file, LinePurpose::Requirements)?;
        Ok(requests)
    }
}

impl RequirementsTxt {
    /// Reads a file whose lines bound versions and ask for nothing.
    pub(super) fn read_constraints(
        &self,
        file: &InputFile,
        context: &InputContext,
        requests: &mut Requests,
    ) -> Result<(), InputError> {
        let mut reader = RequirementsReader {
            context,
            requests,
            open: Vec::new(),
            files: 0,
        };
        reader.file(file, LinePurpose::Constraints)
    }
}

impl RequirementsTxt {
    /// Reads one line that stands in a file of another format.
    pub(super) fn read_line(
        &self,
        line: &InputText,
        file: &InputFile,
        context: &InputContext,
        requests: &mut Requests,
    ) -> Result<(), InputError> {
        let open = vec![(file.path.clone(), file.shown.clone())];
        let mut reader = RequirementsReader {
            context,
            requests,
            open,
            files: 0,
        };
        reader.line(&split(&line.trimmed())?, file, LinePurpose::Requirements)
    }
}

/// What the lines of a file are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LinePurpose {
    Requirements,
    Constraints,
}

struct RequirementsReader<'a, 'context> {
    context: &'a InputContext<'context>,
    requests: &'a mut Requests,
    /// The files that are being read, each included by the one before, as the user would name them.
    open: Vec<(PathBuf, String)>,
    files: usize,
}

impl RequirementsReader<'_, '_> {
    fn file(&mut self, file: &InputFile, purpose: LinePurpose) -> Result<(), InputError> {
        let content = decode(
            &file.content,
            &file.shown,
            self.context.locale_encoding.as_deref(),
        )?;
        self.open.push((file.path.clone(), file.shown.clone()));
        let shown: Rc<str> = file.shown.as_str().into();
        for line in logical_lines(&content, &shown, &self.context.variables) {
            self.line(&split(&line)?, file, purpose)?;
        }
        self.open.pop();
        Ok(())
    }

    fn line(
        &mut self,
        split: &SplitLine,
        file: &InputFile,
        purpose: LinePurpose,
    ) -> Result<(), InputError> {
        nothing_dropped(split)?;
        for given in &split.options {
            self.format_control(given)?;
        }
        if !split.requirement.is_empty() {
            let mut request =
                request(&split.requirement, self.context, &mut self.requests.sources)?;
            request.hashes.extend(hashes(split)?);
            return self.push(request, &split.requirement, purpose);
        }
        if let Some(given) = split.asking(OptionRequest::Editable).next() {
            let request = self.editable(&editable(&given.value))?;
            if purpose == LinePurpose::Constraints {
                return Err(not_a_constraint(&given.value, "which is editable"));
            }
            return self.push(request, &given.value, purpose);
        }
        if let Some(given) = split.asking(OptionRequest::Requirement).next() {
            return self.include(given, file, LinePurpose::Requirements);
        }
        if let Some(given) = split.asking(OptionRequest::Constraint).next() {
            return self.include(given, file, LinePurpose::Constraints);
        }
        hashes(split)?;
        self.options(split, file)
    }

    /// The value of `-e`: a folder or a URL, or `name @ URL`, but no other name.
    fn editable(&mut self, value: &InputText) -> Result<Request, InputError> {
        let wanted = if direct_reference(value).is_some() {
            names::wanted
        } else {
            files::wanted
        };
        let (wanted, hashes) = wanted(value, self.context, &mut self.requests.sources)?;
        Ok(Request {
            wanted,
            hashes,
            place: value.place(0),
        })
    }

    fn push(
        &mut self,
        request: Request,
        text: &InputText,
        purpose: LinePurpose,
    ) -> Result<(), InputError> {
        if purpose == LinePurpose::Requirements {
            self.requests.requests.push(request);
            return Ok(());
        }
        let (named, extras) = match &request.wanted {
            WantedPackage::Named(requirement) => (true, &requirement.extras),
            // A wheel's file name names it.
            WantedPackage::Unnamed {
                location, extras, ..
            } => (file_name(location).ends_with(".whl"), extras),
        };
        match (named, extras.is_empty()) {
            (false, _) => Err(not_a_constraint(text, "which has no name")),
            (true, false) => Err(not_a_constraint(text, "which has extras")),
            (true, true) => {
                self.requests.constraints.push(request);
                Ok(())
            }
        }
    }

    fn include(
        &mut self,
        given: &GivenOption,
        file: &InputFile,
        purpose: LinePurpose,
    ) -> Result<(), InputError> {
        let value = &given.value;
        let place = || value.place(0);
        let (path, shown) = self.included(value, file)?;
        if let Some(first) = self.open.iter().position(|(open, _)| *open == path) {
            let chain: Vec<&str> = self
                .open
                .iter()
                .skip(first)
                .map(|(_, shown)| shown.as_str())
                .collect();
            return Err(InputError::Cycle {
                place: place(),
                found: value.shown(),
                by: chain.join(" -> "),
            });
        }
        self.files += 1;
        for (found, limit, unit) in [
            (self.open.len(), DEEPEST, "files within each other"),
            (self.files, MOST_FILES, "included files"),
        ] {
            if found > limit {
                return Err(InputError::TooMuch {
                    place: place(),
                    found: value.shown(),
                    limit,
                    unit,
                });
            }
        }
        let included = self.context.open(&shown, path, &place())?;
        self.file(&included, purpose)
    }

    /// The path of an included file, and its name as the user would write it.
    fn included(
        &self,
        value: &InputText,
        file: &InputFile,
    ) -> Result<(PathBuf, String), InputError> {
        if is_url(value.as_str()) {
            let reference = reference(value, self.context, &mut PackageSources::default())?;
            let path = reference
                .url
                .to_file_path()
                .ok()
                .filter(|_| reference.url.scheme() == "file");
            let path = path.ok_or_else(|| InputError::Remote {
                place: value.place(0),
                found: value.shown(),
            })?;
            let shown = if value.is_literal() {
                path.to_string_lossy().into_owned()
            } else {
                value.shown()
            };
            return Ok((normalised(&path), shown));
        }
        let beside = |path: &Path| path.parent().unwrap_or(Path::new("")).join(value.as_str());
        let shown = if value.is_literal() {
            normalised(&beside(Path::new(&file.shown)))
        } else {
            value.shown().into()
        };
        Ok((
            normalised(&beside(&file.path)),
            shown.to_string_lossy().into_owned(),
        ))
    }

    /// `--only-binary` and `--no-binary`, which act wherever they stand.
    fn format_control(&mut self, given: &GivenOption) -> Result<(), InputError> {
        let sources = &mut self.requests.sources;
        match given.asks {
            OptionRequest::OnlyBinary => {
                control(given, &mut sources.only_binary, &mut sources.no_binary)
            }
            OptionRequest::NoBinary => {
                control(given, &mut sources.no_binary, &mut sources.only_binary)
            }
            _ => Ok(()),
        }
    }

    /// A line of nothing but options.
    fn options(&mut self, split: &SplitLine, file: &InputFile) -> Result<(), InputError> {
        if split.asking(OptionRequest::NoIndex).next().is_some() {
            self.requests.sources.no_index = true;
        }
        if let Some(given) = split.asking(OptionRequest::IndexUrl).last() {
            // pip forgets the further indexes of the lines before.
            self.requests.sources.index_url = Some(self.index(&given.value)?);
            self.requests.sources.extra_index_urls.clear();
        }
        for given in &split.options {
            match given.asks {
                OptionRequest::ExtraIndexUrl => {
                    let url = self.index(&given.value)?;
                    self.requests.sources.extra_index_urls.push(url);
                }
                OptionRequest::FindLinks => {
                    let place = self.links(&given.value, file)?;
                    self.requests.sources.find_links.push(place);
                }
                OptionRequest::Pre => self.requests.sources.pre = true,
                OptionRequest::PreferBinary => self.requests.sources.prefer_binary = true,
                OptionRequest::AllReleases | OptionRequest::OnlyFinal => self.releases(given)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// An index: a URL, or a folder laid out like one.
    fn index(&mut self, value: &InputText) -> Result<url::Url, InputError> {
        if is_url(value.as_str()) {
            return Ok(reference(value, self.context, &mut self.requests.sources)?.url);
        }
        let path = self.context.path(value.as_str());
        let folder = (self.context.files.kind(&path) == Some(FileKind::Folder)).then_some(path);
        folder
            .and_then(|folder| url::Url::from_directory_path(folder).ok())
            .ok_or_else(|| InputError::NotAUrl {
                place: value.place(0),
                found: value.shown(),
                why: "there is no such folder either".into(),
            })
    }

    /// A folder or page with links to files.
    fn links(&mut self, value: &InputText, file: &InputFile) -> Result<Location, InputError> {
        if is_url(value.as_str()) {
            let url = reference(value, self.context, &mut self.requests.sources)?.url;
            return match url.to_file_path() {
                Ok(path) if url.scheme() == "file" => Ok(Location::Path(path)),
                _ => Ok(Location::Url(url)),
            };
        }
        let beside = normalised(
            &file
                .path
                .parent()
                .unwrap_or(Path::new(""))
                .join(value.as_str()),
        );
        let exists = self.context.files.kind(&beside).is_some();
        Ok(Location::Path(if exists {
            beside
        } else {
            self.context.path(value.as_str())
        }))
    }

    /// `--all-releases :all:`, the long form of `--pre`, and its opposite.
    fn releases(&mut self, given: &GivenOption) -> Result<(), InputError> {
        match (given.asks, given.value.as_str()) {
            (OptionRequest::AllReleases, ":all:") => self.requests.sources.pre = true,
            (OptionRequest::AllReleases, ":none:") | (OptionRequest::OnlyFinal, ":all:") => {
                self.requests.sources.pre = false
            }
            (_, ":none:") => {}
            _ => return Err(option_value(given, "`:all:` or `:none:`")),
        }
        Ok(())
    }
}

/// Refuses a line of which pip would drop a requirement or a part of one.
fn nothing_dropped(split: &SplitLine) -> Result<(), InputError> {
    let dropped = |text: &InputText, expected| {
        Err(InputError::Dropped {
            place: text.place(0),
            found: text.shown(),
            expected,
        })
    };
    if let Some(stray) = split.stray.first() {
        return dropped(stray, "an option");
    }
    let mut once = split.options.iter().filter(|given| {
        matches!(
            given.asks,
            OptionRequest::Editable | OptionRequest::Requirement | OptionRequest::Constraint
        )
    });
    let first = once.next();
    match (first, once.next()) {
        (Some(given), _) if !split.requirement.is_empty() => {
            dropped(&given.word, "only `--hash` after a requirement")
        }
        (Some(_), Some(second)) => dropped(&second.word, "one of `-r`, `-c` and `-e` on a line"),
        _ => match split.asking(OptionRequest::FindLinks).nth(1) {
            Some(second) => dropped(&second.word, "one `-f` on a line"),
            None => Ok(()),
        },
    }
}

/// The digests of `--hash=sha256:…`.
fn hashes(split: &SplitLine) -> Result<Vec<Digest>, InputError> {
    let mut hashes = Vec::new();
    for given in split.asking(OptionRequest::Hash) {
        let value = &given.value;
        let (name, hex) = value
            .as_str()
            .split_once(':')
            .unwrap_or((value.as_str(), ""));
        let algorithm = Algorithm::from_name(name).ok_or_else(|| InputError::NotAHash {
            place: value.place(0),
            found: value.shown(),
            expected: "`sha256:`, `sha384:` or `sha512:` and a digest".into(),
        })?;
        hashes.push(Digest::new(algorithm, hex).ok_or_else(|| not_a_hash(value, hex, algorithm))?);
    }
    Ok(hashes)
}

/// Adds the names to one control and takes them from the other, in the order in which they stand.
fn control(
    given: &GivenOption,
    target: &mut FormatControl,
    other: &mut FormatControl,
) -> Result<(), InputError> {
    let words: Vec<&str> = given.value.as_str().split(',').collect();
    if given.value.as_str().starts_with('-') {
        return Err(option_value(given, NAMES));
    }
    for (index, word) in words.iter().enumerate() {
        match *word {
            ":all:" => {
                *target = FormatControl::All;
                *other = FormatControl::None;
                // After `:all:` only what follows a `:none:` still counts.
                if !words.iter().skip(index).any(|word| *word == ":none:") {
                    return Ok(());
                }
            }
            ":none:" => *target = FormatControl::None,
            "" => {}
            word => {
                let name = PackageName::from_str(word).map_err(|_| option_value(given, NAMES))?;
                if let FormatControl::Names(names) = other {
                    names.remove(&name);
                }
                match target {
                    FormatControl::All => {}
                    FormatControl::None => *target = FormatControl::Names([name].into()),
                    FormatControl::Names(names) => _ = names.insert(name),
                }
            }
        }
    }
    Ok(())
}

fn option_value(given: &GivenOption, expected: &str) -> InputError {
    InputError::OptionValue {
        place: given.value.place(0),
        option: given.word.shown(),
        expected: expected.to_owned(),
        found: format!("`{}`", given.value.shown()),
    }
}

fn not_a_constraint(text: &InputText, why: &'static str) -> InputError {
    InputError::NotAConstraint {
        place: text.place(0),
        found: text.shown(),
        why,
    }
}

fn file_name(location: &Location) -> String {
    match location {
        Location::Url(url) => url.path().to_ascii_lowercase(),
        Location::Path(path) => path.to_string_lossy().to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_claimed_by_name_and_else_by_content() {
        let check = |name: &str, head: &[u8], expected: bool| {
            assert_eq!(RequirementsTxt.claims(name, head), expected, "{name}");
        };
        for name in [
            "requirements.txt",
            "Dev.TXT",
            "base.in",
            "requirements.lock",
            "requirements-dev.lock",
            "a.b.txt",
        ] {
            check(name, b"", true);
        }
        for name in [
            "uv.lock",
            "poetry.lock",
            "Pipfile.lock",
            "pyproject.toml",
            "pylock.toml",
            "setup.cfg",
            "a.so",
        ] {
            check(name, b"numpy", false);
        }
        check("requirements", b"numpy>=1\n", true);
        check("63", b"# from a pipe\nnumpy\n", true);
        check("Pipfile", b"[packages]\n", false);
        check("python3", b"\x7fELF\x02\0\0", false);
    }
}
