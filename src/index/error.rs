//! What can go wrong between us and an index: each variant says what, where, what was expected and what was found.

use std::path::PathBuf;

use url::Url;

use crate::model::digest::Digest;
use crate::model::name::PackageName;
use crate::model::problem::ProblemKind;

/// Why something could not be had from an index, a page, a server or a folder.
///
/// It is `Clone` because one answer is shared by all who asked for it. URLs in it carry neither credentials nor a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A setting that makes no sense.
    #[error("{setting}: expected {expected}, found `{found}`")]
    Setting {
        /// Name of the setting, as the user knows it.
        setting: String,
        /// What it may be.
        expected: String,
        /// What it is, without credentials.
        found: String,
    },
    /// The certificates to trust could not be loaded.
    #[error("certificates of `{}`: {why}", path.display())]
    Certificates {
        /// File or folder that the user named.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client cannot start: {why}")]
    Client {
        /// What it said.
        why: String,
    },
    /// The network is needed, but the run is offline.
    #[error("{url}: offline and not in the cache")]
    Offline {
        /// What would have been fetched.
        url: String,
    },
    /// No index and no folder knows the name.
    #[error("`{name}` was not found at {}", places(asked))]
    NotFound {
        /// The project that was looked for.
        name: PackageName,
        /// Where it was looked for.
        asked: Vec<String>,
    },
    /// A file that an index or a requirement names is not there.
    #[error("{url}: the server answers {status}: there is no such file")]
    Missing {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// No answer after all tries.
    #[error("{url}: no usable answer after {attempts} attempts: {why}")]
    Network {
        /// What was asked for.
        url: String,
        /// How often.
        attempts: u32,
        /// What happened the last time.
        why: String,
    },
    /// A host that does not answer, and is not asked again.
    #[error("{host} does not answer: {why}")]
    Unreachable {
        /// The host, with its port.
        host: String,
        /// What happened when it was asked the last time.
        why: String,
    },
    /// An answer that comes too slowly.
    #[error("{url}: given up: {why}")]
    Slow {
        /// What was asked for.
        url: String,
        /// How slowly.
        why: String,
    },
    /// A status that is no answer to what was asked.
    #[error("{url}: expected {expected}, the server answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// What would have been an answer.
        expected: String,
        /// HTTP status.
        status: u16,
    },
    /// The host wants to know who is asking, or does not accept who asked.
    #[error(
        "{url}: {host} answers {status} {}; credentials for {host} can stand in the index URL \
         (https://USER:PASSWORD@{host}/…) or in the netrc file (machine {host} login USER password PASSWORD){}",
        if *sent { "to the credentials that it was sent" } else { "and was sent no credentials" },
        note.as_deref().unwrap_or_default()
    )]
    Credentials {
        /// What was asked for.
        url: String,
        /// Who wants credentials.
        host: String,
        /// HTTP status.
        status: u16,
        /// Whether credentials were sent.
        sent: bool,
        /// Something the user should know about the netrc file.
        note: Option<String>,
    },
    /// The proxy wants credentials.
    #[error(
        "{url}: the proxy wants credentials (407); they can stand in the proxy's URL: http://USER:PASSWORD@proxy:port"
    )]
    Proxy {
        /// What was asked for.
        url: String,
    },
    /// A redirect that is not followed.
    #[error("{url}: redirected to {target}: {why}")]
    Redirect {
        /// Who redirects.
        url: String,
        /// Where to.
        target: String,
        /// Why it is not followed.
        why: String,
    },
    /// An index page that makes no sense.
    #[error("{url}: expected {expected}, found {found}")]
    Page {
        /// The page.
        url: String,
        /// What was expected there.
        expected: String,
        /// What was found.
        found: String,
    },
    /// More bytes than allowed.
    #[error("{place}: larger than the limit of {limit} bytes for {what}")]
    TooLarge {
        /// URL or path.
        place: String,
        /// Kind of thing that is limited.
        what: String,
        /// Limit in bytes.
        limit: u64,
    },
    /// More than is kept at once.
    #[error("{place}: its {found} would be more than the limit of {limit} for {what}")]
    TooMany {
        /// What is left out.
        place: String,
        /// What is limited.
        what: String,
        /// How many it has.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The bytes are not those promised.
    #[error("{place}: expected {expected}, the bytes have {found}")]
    Digest {
        /// URL or path.
        place: String,
        /// What the index states.
        expected: Digest,
        /// What was computed.
        found: Digest,
    },
    /// A file of another size than promised.
    #[error("{place}: expected {expected} bytes, found {found}")]
    Size {
        /// URL or path.
        place: String,
        /// Size that the index states.
        expected: u64,
        /// Size that the server states or sent.
        found: u64,
    },
    /// An answer to a byte range that does not fit it.
    #[error("{url}: asked for {asked}, found {found}")]
    Range {
        /// The file.
        url: String,
        /// The range.
        asked: String,
        /// What the answer says it is.
        found: String,
    },
    /// The file is not the one that it was.
    #[error("{url}: the file changed while it was read: {before}, then {after}")]
    Changed {
        /// The file.
        url: String,
        /// ETag or size at first.
        before: String,
        /// ETag or size now.
        after: String,
    },
    /// A file or folder on this machine.
    #[error("{}: {why}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What happened.
        why: String,
    },
}

impl IndexError {
    /// Whether this only says that the thing does not exist there.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            IndexError::NotFound { .. } | IndexError::Missing { .. }
        )
    }

    /// The kind of problem that it is, when the run goes on without the thing.
    pub fn kind(&self) -> ProblemKind {
        match self {
            IndexError::NotFound { .. } | IndexError::Page { .. } => ProblemKind::Index,
            IndexError::Digest { .. } | IndexError::Size { .. } | IndexError::Changed { .. } => {
                ProblemKind::Integrity
            }
            IndexError::File { .. } | IndexError::Certificates { .. } => ProblemKind::File,
            _ => ProblemKind::Network,
        }
    }
}

fn places(asked: &[String]) -> String {
    if asked.is_empty() {
        "any place: no index and no folder is configured".to_owned()
    } else {
        asked.join(", ")
    }
}

/// A URL as it may be shown: without user, password, query and fragment.
pub fn shown(url: &Url) -> String {
    let mut clean = url.clone();
    // Both fail only for URLs that cannot have a user, and those have none.
    let _ = clean.set_username("");
    let _ = clean.set_password(None);
    let query = clean.query().is_some();
    clean.set_query(None);
    clean.set_fragment(None);
    if query {
        format!("{clean}?…")
    } else {
        clean.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_url_has_no_secrets() {
        let url = Url::parse("https://me:secret@host/a?X-Signature=secret#sha256=0").unwrap();
        assert_eq!(shown(&url), "https://host/a?…");
    }
}
