//! Places that list files without being indexes: folders, pages of links, single files (`--find-links`), and an index
//! that is a folder (`file:` URLs).

use std::io::ErrorKind;
use std::path::Path;

use url::Url;

use super::error::IndexError;
use super::simple::{PageLink, html};
use crate::model::place::Location;

/// Most bytes of a page on disk.
const PAGE_BYTES: u64 = 256 << 20;

/// The links of a folder, of a page or the file itself, by what is found there; `None` when nothing is.
pub(super) fn read(path: &Path) -> Result<Option<Vec<PageLink>>, IndexError> {
    let error = |why: std::io::Error| IndexError::File {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(why) => return Err(error(why)),
    };
    if metadata.is_dir() {
        return folder(path).map(Some).map_err(error);
    }
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    if !lower.ends_with(".html") && !lower.ends_with(".htm") {
        let size = Some(metadata.len());
        return Ok(Some(vec![PageLink {
            size,
            ..PageLink::plain(name, Location::Path(path.to_owned()))
        }]));
    }
    if metadata.len() > PAGE_BYTES {
        let place = path.display().to_string();
        return Err(IndexError::TooLarge {
            place,
            what: "a page of links".to_owned(),
            limit: PAGE_BYTES,
        });
    }
    let url = Url::from_file_path(path).map_err(|()| IndexError::File {
        path: path.to_owned(),
        why: "expected an absolute path".to_owned(),
    })?;
    Ok(Some(
        html::read(&url, &std::fs::read(path).map_err(error)?)?.links,
    ))
}

/// A project's links in an index that is a folder: `name/index.html`, or the files in `name/`.
pub(super) fn read_index(project: &Path) -> Result<Option<Vec<PageLink>>, IndexError> {
    match read(&project.join("index.html"))? {
        Some(links) => Ok(Some(links)),
        None => read(project),
    }
}

/// The files of a folder, without those of folders in it, by name, so that two runs see one order.
fn folder(path: &Path) -> std::io::Result<Vec<PageLink>> {
    let mut links = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        // A link to a file is one; one that leads nowhere is not worth an error.
        let Ok(metadata) = std::fs::metadata(entry.path()) else {
            continue;
        };
        if let (true, Ok(name)) = (metadata.is_file(), entry.file_name().into_string()) {
            links.push(PageLink {
                size: Some(metadata.len()),
                ..PageLink::plain(name, Location::Path(entry.path()))
            });
        }
    }
    links.sort_unstable_by(|one, other| one.filename.cmp(&other.filename));
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_pages_and_files_are_read() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir(at("folder")).unwrap();
        std::fs::create_dir(at("folder/inner")).unwrap();
        std::fs::write(at("folder/b-1.0.tar.gz"), "12345").unwrap();
        std::fs::write(at("folder/a-1.0.tar.gz"), "").unwrap();
        std::fs::write(at("links.html"), "<a href='folder/b-1.0.tar.gz'>b</a>").unwrap();
        let names = |name: &str| {
            let links = read(&at(name)).unwrap();
            links.map(|links| {
                links
                    .into_iter()
                    .map(|link| link.filename)
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(names("folder").unwrap(), ["a-1.0.tar.gz", "b-1.0.tar.gz"]);
        assert_eq!(names("links.html").unwrap(), ["b-1.0.tar.gz"]);
        assert_eq!(names("folder/b-1.0.tar.gz").unwrap(), ["b-1.0.tar.gz"]);
        assert_eq!(names("absent"), None);
        let links = read(&at("links.html")).unwrap().unwrap();
        assert_eq!(links[0].location, Location::Path(at("folder/b-1.0.tar.gz")));
        std::fs::write(at("folder/index.html"), "<html></html>").unwrap();
        assert_eq!(read_index(&at("folder")).unwrap().unwrap().len(), 0);
        assert_eq!(read_index(&at("absent")).unwrap(), None);
    }
}
