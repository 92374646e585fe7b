//! Everything that all places together offer under one name.
//!
//! As with pip, the places are equal: all their files are candidates, and the best version wins wherever it is. Their
//! order only decides between files that are otherwise equal: folders and files on this machine come first, then pages
//! of links, then the main index, then the further indexes as they were given. A file that several places offer, same
//! name and same digest, counts once, as the first of them has it. If one place fails, the listing fails: without it we
//! would not know what an installer chooses.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use url::Url;

use super::cache::PageGetter;
use super::error::{IndexError, shown};
use super::find_links;
use super::settings::{DEFAULT_INDEX, IndexSettings};
use super::simple::{LinkReader, PageLink, SimplePage, identify};
use crate::model::artifact::{Artifact, ArtifactListing};
use crate::model::name::PackageName;
use crate::model::place::Location;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::PackageSources;

/// A place where files may be listed.
enum ListingPlace {
    /// Read once, for all projects.
    Links(Location, OnceLock<Result<Vec<PageLink>, IndexError>>),
    /// Asked for each project.
    Index(Url),
    /// An index that is a folder.
    Folder(PathBuf),
}

/// All places of a run, in order.
pub(super) struct ListingPlaces {
    places: Vec<ListingPlace>,
    problems: Mutex<Vec<Problem>>,
}

impl ListingPlaces {
    pub(super) fn new(settings: &IndexSettings) -> Result<ListingPlaces, IndexError> {
        let sources = settings.sources();
        let (local, remote): (Vec<_>, Vec<_>) = sources
            .find_links
            .iter()
            .map(local_path)
            .partition(|location| matches!(location, Location::Path(_)));
        let links = local
            .into_iter()
            .chain(remote)
            .map(|location| ListingPlace::Links(location, OnceLock::new()));
        let mut places: Vec<ListingPlace> = links.collect();
        for url in indexes(sources)? {
            let place = index(&url)?;
            places.push(place);
        }
        Ok(ListingPlaces {
            places,
            problems: Mutex::default(),
        })
    }

    /// What could not be looked at without harm to the rest.
    pub(super) fn problems(&self) -> Vec<Problem> {
        self.problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// All files of a project.
    pub(super) fn listing(
        &self,
        project: &PackageName,
        pages: &PageGetter,
    ) -> Result<ArtifactListing, IndexError> {
        let mut reader = LinkReader::new(project);
        let mut files = Vec::new();
        let mut known = false;
        for place in &self.places {
            let links = match place {
                ListingPlace::Links(location, links) => {
                    let all = links
                        .get_or_init(|| self.links(location, pages))
                        .as_ref()
                        .map_err(Clone::clone)?;
                    Some(
                        all.iter()
                            .filter(|link| identify(project, &link.filename).is_some())
                            .cloned()
                            .collect(),
                    )
                }
                ListingPlace::Index(url) => page(pages, url, project)?,
                ListingPlace::Folder(path) => find_links::read_index(&path.join(project.as_ref()))?,
            };
            known |= links.as_ref().is_some_and(|links| {
                !links.is_empty() || !matches!(place, ListingPlace::Links(..))
            });
            let found = links.unwrap_or_default();
            files.reserve(found.len());
            files.extend(found.into_iter().filter_map(|link| reader.artifact(link)));
        }
        if !known {
            let asked = self.places.iter().map(ListingPlace::shown).collect();
            return Err(IndexError::NotFound {
                name: project.clone(),
                asked,
            });
        }
        if self.places.len() > 1 {
            merge(&mut files);
        }
        Ok(ArtifactListing { files })
    }

    fn links(&self, location: &Location, pages: &PageGetter) -> Result<Vec<PageLink>, IndexError> {
        match location {
            Location::Url(url) => {
                let page = pages
                    .get(None, url, &|_| true)?
                    .ok_or_else(|| IndexError::Missing {
                        url: shown(url),
                        status: 404,
                    });
                Ok(page?.links)
            }
            Location::Path(path) => Ok(find_links::read(path)?.unwrap_or_else(|| {
                // As with pip, a folder that is not there has no files; but somebody should be told.
                self.problems
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(Problem {
                        kind: ProblemKind::File,
                        package: None,
                        place: path.display().to_string(),
                        message: "--find-links: expected a folder or a file, found nothing there"
                            .to_owned(),
                    });
                Vec::new()
            })),
        }
    }
}

impl ListingPlace {
    fn shown(&self) -> String {
        match self {
            ListingPlace::Links(Location::Url(url), _) | ListingPlace::Index(url) => shown(url),
            ListingPlace::Links(Location::Path(path), _) | ListingPlace::Folder(path) => {
                path.display().to_string()
            }
        }
    }
}

fn local_path(location: &Location) -> Location {
    match location {
        Location::Url(url) if url.scheme() == "file" => url
            .to_file_path()
            .map_or_else(|()| location.clone(), Location::Path),
        _ => location.clone(),
    }
}

fn indexes(sources: &PackageSources) -> Result<Vec<Url>, IndexError> {
    if sources.no_index {
        return Ok(Vec::new());
    }
    let main = match &sources.index_url {
        Some(url) => url.clone(),
        None => Url::parse(DEFAULT_INDEX).map_err(|error| IndexError::Client {
            why: error.to_string(),
        })?,
    };
    let mut urls = vec![main];
    for url in &sources.extra_index_urls {
        if !urls.contains(url) {
            urls.push(url.clone());
        }
    }
    Ok(urls)
}

fn index(url: &Url) -> Result<ListingPlace, IndexError> {
    let error = |expected: &str| IndexError::Setting {
        setting: "index URL".to_owned(),
        expected: expected.to_owned(),
        found: shown(url),
    };
    match url.scheme() {
        "http" | "https" => {
            let mut url = url.clone();
            if !url.path().ends_with('/') {
                let path = format!("{}/", url.path());
                url.set_path(&path);
            }
            Ok(ListingPlace::Index(url))
        }
        "file" => url
            .to_file_path()
            .map(ListingPlace::Folder)
            .map_err(|()| error("a file: URL of this machine")),
        _ => Err(error("an http, https or file URL")),
    }
}

/// The project's links at one index; `None` when the index does not know the project.
fn page(
    pages: &PageGetter,
    index: &Url,
    project: &PackageName,
) -> Result<Option<Vec<PageLink>>, IndexError> {
    let mut url = index.clone();
    // Index URLs end in a slash, and normalised names need no escapes.
    url.set_path(&format!("{}{project}/", index.path()));
    let page = pages.get(Some(project), &url, &|link| {
        identify(project, &link.filename).is_some()
    })?;
    Ok(page.map(|SimplePage { links, .. }| links))
}

/// Leaves the first of files that are the same. Files without a digest are the same when they are at the same place.
fn merge(files: &mut Vec<Artifact>) {
    let mut seen = HashSet::new();
    files.retain(|file| {
        let same = match file.digests.first() {
            Some(digest) => digest.to_string(),
            None => format!("{:?}", file.location),
        };
        seen.insert((file.filename.clone(), same))
    });
}
