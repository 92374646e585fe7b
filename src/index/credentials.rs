//! Who we are at which host. Credentials come from URLs and from the netrc file and go to that host only.
//!
//! Nothing here can be printed: `Debug` names hosts, never users or passwords.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use netrc::Netrc;
use url::Url;

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct UserPassword {
    /// User name, or a token's fixed user name.
    pub user: String,
    /// Password or token.
    pub password: String,
}

impl fmt::Debug for UserPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(…)")
    }
}

/// Scheme, host and port: the scope of credentials that stood in a URL.
type UrlOrigin = (String, String, Option<u16>);

/// All credentials of a run.
#[derive(Clone, Default)]
pub struct CredentialBook {
    urls: Vec<(UrlOrigin, String, UserPassword)>,
    hosts: HashMap<String, UserPassword>,
    broken_netrc: Option<PathBuf>,
}

impl fmt::Debug for CredentialBook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hosts: Vec<&str> = self
            .urls
            .iter()
            .map(|((_, host, _), _, _)| host.as_str())
            .collect();
        hosts.extend(self.hosts.keys().map(String::as_str));
        hosts.sort_unstable();
        formatter
            .debug_struct("Credentials")
            .field("hosts", &hosts)
            .finish()
    }
}

impl CredentialBook {
    /// No credentials.
    pub fn new() -> CredentialBook {
        CredentialBook::default()
    }

    /// Keeps the user and password of a URL, if it has any, and gives back the URL without them.
    pub fn take_from(&mut self, url: &Url) -> Url {
        let mut clean = url.clone();
        if url.username().is_empty() && url.password().is_none() {
            return clean;
        }
        let credential = UserPassword {
            user: percent_decode(url.username()),
            password: percent_decode(url.password().unwrap_or_default()),
        };
        // Both fail only for URLs that cannot have a user.
        let _ = clean.set_username("");
        let _ = clean.set_password(None);
        self.add(&clean, credential);
        clean
    }

    /// Adds credentials for everything of this URL's scheme, host and port; where several are known for one host, those
    /// count whose URL has the longest path in common.
    pub fn add(&mut self, url: &Url, credential: UserPassword) {
        if let Some(origin) = origin(url) {
            self.urls.push((origin, url.path().to_owned(), credential));
        }
    }

    /// Takes the text of a netrc file. One that makes no sense is noted for the day a host wants credentials: before, it
    /// is none of our business. `default` entries are not used: they would go to every host there is.
    pub fn add_netrc(&mut self, path: &Path, text: &str) {
        match text.parse::<Netrc>() {
            Ok(netrc) => {
                let entries = netrc
                    .hosts
                    .into_iter()
                    .filter(|(host, _)| host != "default");
                self.hosts.extend(entries.map(|(host, entry)| {
                    (
                        host.to_ascii_lowercase(),
                        UserPassword {
                            user: entry.login,
                            password: entry.password,
                        },
                    )
                }));
            }
            // The parser's message quotes the file, and what it quotes may be a password.
            Err(_) => self.broken_netrc = Some(path.to_owned()),
        }
    }

    /// The credentials for a URL: those from a URL of the same origin, else those that netrc has for the host.
    pub fn lookup(&self, url: &Url) -> Option<&UserPassword> {
        let wanted = origin(url)?;
        let same = self.urls.iter().filter(|(origin, _, _)| *origin == wanted);
        let closest = same
            .rev()
            .max_by_key(|(_, path, _)| common_prefix(path, url.path()));
        closest
            .map(|(_, _, credential)| credential)
            .or_else(|| self.hosts.get(&wanted.1))
    }

    /// Something to tell a user whose credentials are missing.
    pub fn note(&self) -> Option<String> {
        let path = self.broken_netrc.as_ref()?.display();
        Some(format!(
            "; {path} was not used: it is no list of `machine … login … password …`"
        ))
    }
}

fn origin(url: &Url) -> Option<UrlOrigin> {
    Some((
        url.scheme().to_owned(),
        url.host_str()?.to_owned(),
        url.port_or_known_default(),
    ))
}

fn common_prefix(one: &str, other: &str) -> usize {
    one.bytes()
        .zip(other.bytes())
        .take_while(|(left, right)| left == right)
        .count()
}

/// Undoes `%41`; what is no UTF-8 afterwards is replaced.
pub(crate) fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn credentials_of_a_url_belong_to_its_origin() {
        let mut credentials = CredentialBook::new();
        let clean = credentials.take_from(&url("https://me:p%40ss@host:8443/simple/"));
        assert_eq!(clean.as_str(), "https://host:8443/simple/");
        assert_eq!(
            credentials
                .lookup(&url("https://host:8443/files/a.whl"))
                .unwrap()
                .password,
            "p@ss"
        );
        for other in [
            "https://host/simple/",
            "http://host:8443/simple/",
            "https://other:8443/simple/",
        ] {
            assert!(credentials.lookup(&url(other)).is_none(), "{other}");
        }
        assert!(!format!("{credentials:?}").contains("me"));
    }

    #[test]
    fn the_closest_path_wins() {
        let mut credentials = CredentialBook::new();
        credentials.take_from(&url("https://a:1@host/team-a/simple/"));
        credentials.take_from(&url("https://b:2@host/team-b/simple/"));
        assert_eq!(
            credentials
                .lookup(&url("https://host/team-b/files/x"))
                .unwrap()
                .user,
            "b"
        );
        assert_eq!(
            credentials
                .lookup(&url("https://host/team-a/files/x"))
                .unwrap()
                .user,
            "a"
        );
        assert_eq!(
            credentials.lookup(&url("https://host/else")).unwrap().user,
            "a"
        );
    }

    #[test]
    fn netrc_is_by_host_and_has_no_default() {
        let mut credentials = CredentialBook::new();
        let text = "machine host login me password secret\ndefault login all password all\n";
        credentials.add_netrc(Path::new("netrc"), text);
        assert_eq!(
            credentials.lookup(&url("https://host/a")).unwrap().user,
            "me"
        );
        assert!(credentials.lookup(&url("https://other/a")).is_none());
        assert_eq!(credentials.note(), None);
    }

    #[test]
    fn a_broken_netrc_is_noted_without_its_text() {
        let mut credentials = CredentialBook::new();
        credentials.add_netrc(Path::new("/home/me/.netrc"), "hunter2 machine\n");
        let note = credentials.note().unwrap();
        assert!(
            note.contains("/home/me/.netrc") && !note.contains("hunter2"),
            "{note}"
        );
    }

    #[test]
    fn percent_signs_are_undone() {
        for (text, expected) in [
            ("a%2Bb", "a+b"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%e2%82%ac", "€"),
        ] {
            assert_eq!(percent_decode(text), expected);
        }
    }
}
