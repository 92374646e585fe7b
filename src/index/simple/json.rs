//! Index pages in JSON (PEP 691).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{PageLink, SimplePage, check_version, digest};
use crate::index::error::{IndexError, shown};
use crate::index::settings::MOST_LINKS;
use crate::model::artifact::MetadataFile;
use crate::model::digest::Digest;
use crate::model::place::Location;

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(borrow)]
    meta: SimpleJsonMeta<'a>,
    #[serde(borrow)]
    files: RawFiles<'a>,
}

/// No more of them than are kept.
struct RawFiles<'a>(Vec<SimpleJsonFile<'a>>);

struct FilesVisitor<'a>(PhantomData<SimpleJsonFile<'a>>);

impl<'de: 'a, 'a> Visitor<'de> for FilesVisitor<'a> {
    type Value = RawFiles<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawFiles<'a>, A::Error> {
        let mut files = Vec::new();
        while let Some(file) = items.next_element()? {
            if files.len() == MOST_LINKS {
                return Err(Error::custom(format_args!(
                    "more than {MOST_LINKS} files, the limit"
                )));
            }
            files.push(file);
        }
        Ok(RawFiles(files))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawFiles<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawFiles<'a>, D::Error> {
        deserializer.deserialize_seq(FilesVisitor(PhantomData))
    }
}

#[derive(Deserialize)]
struct SimpleJsonMeta<'a> {
    #[serde(rename = "api-version", borrow)]
    api_version: Cow<'a, str>,
}

type SimpleJsonHashes<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

#[derive(Deserialize)]
struct SimpleJsonFile<'a> {
    #[serde(borrow)]
    filename: Cow<'a, str>,
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow, default)]
    hashes: SimpleJsonHashes<'a>,
    #[serde(rename = "requires-python", borrow, default)]
    requires_python: Option<Cow<'a, str>>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(borrow, default)]
    yanked: Option<SimpleJsonYanked<'a>>,
    #[serde(rename = "core-metadata", borrow, default)]
    core_metadata: Option<SimpleJsonMetadata<'a>>,
    // The names that the field had before PEP 714.
    #[serde(rename = "dist-info-metadata", borrow, default)]
    dist_info_metadata: Option<SimpleJsonMetadata<'a>>,
    #[serde(rename = "data-dist-info-metadata", borrow, default)]
    data_dist_info_metadata: Option<SimpleJsonMetadata<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SimpleJsonYanked<'a> {
    Flag(bool),
    Reason(#[serde(borrow)] Cow<'a, str>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SimpleJsonMetadata<'a> {
    Flag(bool),
    Hashes(#[serde(borrow)] SimpleJsonHashes<'a>),
}

/// Reads a page in JSON.
pub(in crate::index) fn read(url: &Url, body: &[u8]) -> Result<SimplePage, IndexError> {
    let malformed = |error: serde_json::Error| IndexError::Page {
        url: shown(url),
        expected: "a Simple API page in JSON".to_owned(),
        found: error.to_string(),
    };
    // The version first: a page of another version may be of another shape.
    #[derive(Deserialize)]
    struct OnlyMeta<'a> {
        #[serde(borrow)]
        meta: SimpleJsonMeta<'a>,
    }
    let raw = match serde_json::from_slice::<RawPage>(body) {
        Ok(raw) => raw,
        Err(error) => {
            if let Ok(page) = serde_json::from_slice::<OnlyMeta>(body) {
                check_version(url, &page.meta.api_version)?;
            }
            return Err(malformed(error));
        }
    };
    check_version(url, &raw.meta.api_version)?;
    let mut page = SimplePage::default();
    let mut shared = HashSet::<Arc<str>>::new();
    for file in raw.files.0 {
        match link(url, file, &mut shared) {
            Some(link) => page.links.push(link),
            None => page.left_out += 1,
        }
    }
    Ok(page)
}

fn link(base: &Url, file: SimpleJsonFile<'_>, shared: &mut HashSet<Arc<str>>) -> Option<PageLink> {
    let mut url = base
        .join(&file.url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.set_fragment(None);
    // Both fail only for URLs that cannot have a user; credentials on a page are not ours to use.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let metadata = file
        .core_metadata
        .or(file.dist_info_metadata)
        .or(file.data_dist_info_metadata);
    Some(PageLink {
        filename: file.filename.into_owned(),
        location: Location::Url(url),
        digests: digests(&file.hashes),
        size: file.size,
        requires_python: file
            .requires_python
            .filter(|text| !text.trim().is_empty())
            .map(|text| intern(&text, shared)),
        yanked: match file.yanked {
            Some(SimpleJsonYanked::Reason(reason)) => Some(reason.into_owned()),
            Some(SimpleJsonYanked::Flag(true)) => Some(String::new()),
            Some(SimpleJsonYanked::Flag(false)) | None => None,
        },
        metadata_file: match metadata {
            Some(SimpleJsonMetadata::Hashes(hashes)) => {
                MetadataFile::Announced(digests(&hashes).into_iter().next())
            }
            Some(SimpleJsonMetadata::Flag(true)) => MetadataFile::Announced(None),
            Some(SimpleJsonMetadata::Flag(false)) | None => MetadataFile::Unannounced,
        },
    })
}

fn digests(hashes: &SimpleJsonHashes<'_>) -> Vec<Digest> {
    hashes
        .iter()
        .filter_map(|(name, hex)| digest(name, hex))
        .collect()
}

/// The same text in one allocation: a page repeats a few thousand times what it says about Python.
pub(in crate::index) fn intern(text: &str, shared: &mut HashSet<Arc<str>>) -> Arc<str> {
    if let Some(known) = shared.get(text) {
        return Arc::clone(known);
    }
    let text: Arc<str> = Arc::from(text);
    shared.insert(Arc::clone(&text));
    text
}
