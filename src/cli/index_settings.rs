//! Where packages come from, as people have told their installers already: environment variables of pip and uv, and
//! pip's configuration files.
//!
//! For each setting the first of these that has it counts:
//!
//! 1. the command line and the requirements file (they come in as `Sources`); places that they add are added,
//! 2. pip's environment variables,
//! 3. uv's environment variables,
//! 4. pip's configuration files: `PIP_CONFIG_FILE` before the virtual environment's before the user's before the
//!    machine's, as pip has it; `[install]` before `[global]`,
//! 5. the defaults.
//!
//! Everything here is a function of its arguments: the caller reads the environment and the files.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use configparser::ini::Ini;
use ungil::index::credentials::UserPassword;
use ungil::index::settings::{CacheFreshness, ProxySettings, TlsTrust};
use ungil::index::{IndexError, IndexSettings};
use ungil::model::place::Location;
use ungil::model::request::PackageSources;
use url::Url;

/// Environment variables by name.
pub(crate) type EnvironmentVariables = BTreeMap<String, String>;

/// Systems that keep configuration in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostSystem {
    /// Linux and other systems that follow the XDG folders.
    Unix,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

/// The machine that ungil runs on, as far as it matters here.
#[derive(Clone, Debug)]
pub(crate) struct HostMachine {
    /// Its system.
    pub(crate) system: HostSystem,
    /// The user's home folder.
    pub(crate) home: Option<PathBuf>,
    /// The current folder: relative paths in settings start there.
    pub(crate) folder: PathBuf,
    /// When the run started.
    pub(crate) now: SystemTime,
}

/// One file that exists. It may hold passwords, so it cannot be printed.
#[derive(Clone)]
pub(crate) struct ConfigFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ConfigFile({})", self.path.display())
    }
}

/// The files that count.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingsFiles {
    /// Those of `config_paths` that exist, in that order.
    pub(crate) pip: Vec<ConfigFile>,
    /// The first of `netrc_paths` that exists.
    pub(crate) netrc: Option<ConfigFile>,
}

/// Where the netrc file may be; the first that exists counts.
pub(crate) fn netrc_paths(environment: &EnvironmentVariables, host: &HostMachine) -> Vec<PathBuf> {
    if let Some(path) = environment.get("NETRC").filter(|path| !path.is_empty()) {
        return vec![expand(path, host)];
    }
    let names = [".netrc", "_netrc"];
    names
        .iter()
        .filter_map(|name| Some(host.home.as_ref()?.join(name)))
        .collect()
}

/// A path as a setting has it: `~/` is the user's home, and relative paths start at the current folder.
fn expand(text: &str, host: &HostMachine) -> PathBuf {
    match (text.strip_prefix("~/"), &host.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => host.folder.join(text),
    }
}

/// pip's configuration files, those that count less first. Not all of them need exist.
pub(crate) fn config_paths(environment: &EnvironmentVariables, host: &HostMachine) -> Vec<PathBuf> {
    let variable = |name: &str| {
        environment
            .get(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let explicit = variable("PIP_CONFIG_FILE");
    if explicit.as_deref().is_some_and(|path| {
        path == Path::new("/dev/null") || path.as_os_str().eq_ignore_ascii_case("nul")
    }) {
        return Vec::new();
    }
    let home = host.home.clone();
    let at_home = |rest: &str| home.as_ref().map(|home| home.join(rest));
    let config_home = variable("XDG_CONFIG_HOME").or_else(|| at_home(".config"));
    let mut paths: Vec<Option<PathBuf>> = Vec::new();
    match host.system {
        HostSystem::Unix => {
            let folders = environment
                .get("XDG_CONFIG_DIRS")
                .filter(|value| !value.is_empty());
            let folders = folders.map_or("/etc/xdg", String::as_str);
            paths.extend(
                folders
                    .split(':')
                    .map(|folder| Some(Path::new(folder).join("pip/pip.conf"))),
            );
            paths.push(Some("/etc/pip.conf".into()));
        }
        HostSystem::MacOs => paths.push(Some("/Library/Application Support/pip/pip.conf".into())),
        HostSystem::Windows => {
            paths.push(Some(
                variable("PROGRAMDATA")
                    .unwrap_or_else(|| "C:/ProgramData".into())
                    .join("pip/pip.ini"),
            ));
        }
    }
    // A file named in the environment takes the place of the user's own.
    if explicit.is_none() {
        match host.system {
            HostSystem::Unix => {
                paths.extend([
                    at_home(".pip/pip.conf"),
                    config_home.map(|folder| folder.join("pip/pip.conf")),
                ]);
            }
            HostSystem::MacOs => {
                paths.extend([
                    at_home(".pip/pip.conf"),
                    config_home.map(|folder| folder.join("pip/pip.conf")),
                ]);
                paths.push(at_home("Library/Application Support/pip/pip.conf"));
            }
            HostSystem::Windows => {
                paths.push(at_home("pip/pip.ini"));
                paths.push(variable("APPDATA").map(|folder| folder.join("pip/pip.ini")));
            }
        }
    }
    let name = if host.system == HostSystem::Windows {
        "pip.ini"
    } else {
        "pip.conf"
    };
    paths.push(variable("VIRTUAL_ENV").map(|folder| folder.join(name)));
    paths.push(explicit);
    paths.into_iter().flatten().collect()
}

/// Settles all settings. `stated` is what the command line and the requirements files say.
pub(crate) fn combine(
    environment: &EnvironmentVariables,
    files: &SettingsFiles,
    stated: &PackageSources,
    host: &HostMachine,
) -> Result<IndexSettings, IndexError> {
    let configured = ConfiguredIndexes {
        environment,
        options: options(&files.pip)?,
        host,
    };
    let mut named = Vec::new();
    let sources = configured.sources(stated, &mut named)?;
    let mut settings = IndexSettings::new(sources, host.now);
    for (name, url) in named {
        configured.add_credential(&mut settings, &name, &url);
    }
    if let Some(netrc) = &files.netrc {
        settings.credentials.add_netrc(&netrc.path, &netrc.text);
    }
    if let Some(found) = configured
        .first(&["PIP_CERT"], &["cert"])
        .or_else(|| configured.first(&["SSL_CERT_FILE"], &[]))
    {
        settings.trust = TlsTrust::Certificates(configured.path(&found.value));
    }
    if let Some(found) = configured.first(&["PIP_PROXY"], &["proxy"]) {
        let text = if found.value.contains("://") {
            found.value.clone()
        } else {
            format!("http://{}", found.value)
        };
        let url = Url::parse(&text).map_err(|_| found.error("the URL of a proxy"))?;
        let except = environment
            .get("NO_PROXY")
            .or_else(|| environment.get("no_proxy"))
            .cloned();
        settings.proxy = ProxySettings::Through { url, except };
    }
    let timeouts = configured.first(
        &["PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"],
        &["timeout", "default-timeout"],
    );
    if let Some(found) = timeouts {
        let seconds = found.value.trim().parse::<f64>().ok();
        let duration = seconds
            .filter(|seconds| *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        settings.pace.timeout =
            duration.ok_or_else(|| found.error("a number of seconds above zero"))?;
    }
    if let Some(found) = configured.first(&["PIP_RETRIES"], &["retries"]) {
        settings.retries = found
            .value
            .trim()
            .parse()
            .map_err(|_| found.error("a number of retries"))?;
    }
    if configured.flag(&["UV_OFFLINE"], &[])? {
        settings.freshness = CacheFreshness::Offline;
    }
    Ok(settings)
}

/// A value and the name under which the user knows it. The value may hold a password: no `Debug`.
#[derive(Clone)]
struct FoundSetting {
    name: String,
    value: String,
}

impl FoundSetting {
    fn error(&self, expected: &str) -> IndexError {
        // What stands between `//` and `@` may be a password, and a value that is no URL cannot be taken apart.
        let found = if self.value.contains('@') {
            "(not shown, as it may hold a password)"
        } else {
            self.value.as_str()
        };
        IndexError::Setting {
            setting: self.name.clone(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }
}

struct ConfiguredIndexes<'a> {
    environment: &'a EnvironmentVariables,
    options: BTreeMap<String, FoundSetting>,
    host: &'a HostMachine,
}

impl ConfiguredIndexes<'_> {
    /// The first of these variables that is set, else the first of these options of the configuration files.
    fn first(&self, variables: &[&str], options: &[&str]) -> Option<FoundSetting> {
        let set = variables.iter().find_map(|name| {
            let value = self
                .environment
                .get(*name)
                .filter(|value| !value.trim().is_empty())?;
            Some(FoundSetting {
                name: (*name).to_owned(),
                value: value.clone(),
            })
        });
        set.or_else(|| {
            options
                .iter()
                .find_map(|name| self.options.get(*name).cloned())
        })
    }

    fn flag(&self, variables: &[&str], options: &[&str]) -> Result<bool, IndexError> {
        let Some(found) = self.first(variables, options) else {
            return Ok(false);
        };
        match found.value.trim().to_ascii_lowercase().as_str() {
            "1" | "y" | "yes" | "t" | "true" | "on" => Ok(true),
            "0" | "n" | "no" | "f" | "false" | "off" => Ok(false),
            _ => Err(found.error("`true` or `false`")),
        }
    }

    fn sources(
        &self,
        stated: &PackageSources,
        named: &mut Vec<(String, Url)>,
    ) -> Result<PackageSources, IndexError> {
        let mut sources = stated.clone();
        if sources.index_url.is_none() {
            let found = self.first(
                &["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"],
                &["index-url"],
            );
            sources.index_url = found
                .map(|found| self.index_url(&found, &found.value, named))
                .transpose()?;
        }
        let extra: Vec<FoundSetting> = match self.first(&["PIP_EXTRA_INDEX_URL"], &[]) {
            Some(found) => vec![found],
            None => {
                match ["UV_INDEX", "UV_EXTRA_INDEX_URL"]
                    .iter()
                    .filter_map(|name| self.first(&[name], &[]))
                    .collect()
                {
                    found if !Vec::is_empty(&found) => found,
                    _ => self.first(&[], &["extra-index-url"]).into_iter().collect(),
                }
            }
        };
        for found in &extra {
            for text in found.value.split_whitespace() {
                let url = self.index_url(found, text, named)?;
                sources.extra_index_urls.push(url);
            }
        }
        if let Some(found) = self.first(&["PIP_FIND_LINKS", "UV_FIND_LINKS"], &["find-links"]) {
            // uv separates by commas, pip by blanks.
            let comma = found.name.starts_with("UV_");
            for text in found
                .value
                .split(|letter: char| letter.is_whitespace() || comma && letter == ',')
            {
                if !text.is_empty() {
                    sources.find_links.push(self.location(&found, text)?);
                }
            }
        }
        sources.no_index |= self.flag(&["PIP_NO_INDEX", "UV_NO_INDEX"], &["no-index"])?;
        Ok(sources)
    }

    /// An index's URL, or its path; uv may put a name before it (`internal=https://…`), by which credentials are named.
    fn index_url(
        &self,
        found: &FoundSetting,
        text: &str,
        named: &mut Vec<(String, Url)>,
    ) -> Result<Url, IndexError> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        let (name, text) = match text.trim().split_once('=') {
            Some((name, rest)) if found.name.starts_with("UV_") && is_name(name) => {
                (Some(name), rest)
            }
            _ => (None, text.trim()),
        };
        let url = match self.location(found, text)? {
            Location::Url(url) => url,
            Location::Path(path) => {
                Url::from_directory_path(path).map_err(|()| found.error("a URL or a path"))?
            }
        };
        if let Some(name) = name {
            named.push((name.to_owned(), url.clone()));
        }
        Ok(url)
    }

    /// `UV_INDEX_{NAME}_USERNAME` and `UV_INDEX_{NAME}_PASSWORD`.
    fn add_credential(&self, settings: &mut IndexSettings, name: &str, url: &Url) {
        let upper = |letter: char| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let name: String = name.chars().map(upper).collect();
        let variable = |what: &str| {
            self.environment
                .get(&format!("UV_INDEX_{name}_{what}"))
                .cloned()
        };
        let (user, password) = (variable("USERNAME"), variable("PASSWORD"));
        if user.is_some() || password.is_some() {
            let credential = UserPassword {
                user: user.unwrap_or_default(),
                password: password.unwrap_or_default(),
            };
            settings.add_credential(url, credential);
        }
    }

    fn location(&self, found: &FoundSetting, text: &str) -> Result<Location, IndexError> {
        if text.contains("://") || text.starts_with("file:") {
            return Url::parse(text)
                .map(Location::Url)
                .map_err(|_| found.error("URLs or paths"));
        }
        Ok(Location::Path(self.path(text)))
    }

    fn path(&self, text: &str) -> PathBuf {
        expand(text, self.host)
    }
}

/// The options of all files together: later files count more, and `[install]` counts more than `[global]` in whichever
/// file it is.
fn options(files: &[ConfigFile]) -> Result<BTreeMap<String, FoundSetting>, IndexError> {
    let mut options = BTreeMap::new();
    let mut parsed = Vec::new();
    for file in files {
        let mut ini = Ini::new_cs();
        // As Python's own parser has it: comments on lines of their own only, values that go on when indented.
        ini.set_inline_comment_symbols(Some(&[]));
        ini.set_multiline(true);
        ini.read(file.text.trim_start_matches('\u{feff}').to_owned())
            .map_err(|_| IndexError::Setting {
                // The parser's message quotes the file, which may hold passwords.
                setting: file.path.display().to_string(),
                expected: "sections, and `name = value` in them".to_owned(),
                found: "something else".to_owned(),
            })?;
        parsed.push((file, ini));
    }
    for section in ["global", "install"] {
        for (file, ini) in &parsed {
            let values = ini.get_map_ref().get(section).into_iter().flatten();
            for (key, value) in values {
                let key = key
                    .trim_start_matches('-')
                    .replace('_', "-")
                    .to_ascii_lowercase();
                let Some(value) = value
                    .as_ref()
                    .map(|value| value.trim())
                    .filter(|value| !value.is_empty())
                else {
                    continue;
                };
                let name = format!("{}, [{section}] {key}", file.path.display());
                options.insert(
                    key,
                    FoundSetting {
                        name,
                        value: value.to_owned(),
                    },
                );
            }
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(system: HostSystem) -> HostMachine {
        let (home, folder) = (Some("/home/me".into()), "/work".into());
        HostMachine {
            system,
            home,
            folder,
            now: SystemTime::UNIX_EPOCH,
        }
    }

    fn environment(pairs: &[(&str, &str)]) -> EnvironmentVariables {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn files(texts: &[&str]) -> SettingsFiles {
        let file = |text: &&str| ConfigFile {
            path: "/etc/pip.conf".into(),
            text: (*text).to_owned(),
        };
        SettingsFiles {
            pip: texts.iter().map(file).collect(),
            netrc: None,
        }
    }

    fn combined(pairs: &[(&str, &str)], texts: &[&str]) -> Result<IndexSettings, IndexError> {
        combine(
            &environment(pairs),
            &files(texts),
            &PackageSources::default(),
            &host(HostSystem::Unix),
        )
    }

    #[test]
    fn files_are_looked_for_where_pip_does() {
        let check = |system: HostSystem, pairs: &[(&str, &str)], expected: &[&str]| {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(
                config_paths(&environment(pairs), &host(system)),
                expected,
                "{system:?} {pairs:?}"
            );
        };
        let usual = [
            "/etc/xdg/pip/pip.conf",
            "/etc/pip.conf",
            "/home/me/.pip/pip.conf",
            "/home/me/.config/pip/pip.conf",
        ];
        check(HostSystem::Unix, &[], &usual);
        check(
            HostSystem::Unix,
            &[
                ("XDG_CONFIG_DIRS", "/a:/b"),
                ("XDG_CONFIG_HOME", "/c"),
                ("VIRTUAL_ENV", "/venv"),
            ],
            &[
                "/a/pip/pip.conf",
                "/b/pip/pip.conf",
                "/etc/pip.conf",
                "/home/me/.pip/pip.conf",
                "/c/pip/pip.conf",
                "/venv/pip.conf",
            ],
        );
        let explicit = ("PIP_CONFIG_FILE", "/x.conf");
        check(
            HostSystem::Unix,
            &[explicit],
            &["/etc/xdg/pip/pip.conf", "/etc/pip.conf", "/x.conf"],
        );
        check(HostSystem::Unix, &[("PIP_CONFIG_FILE", "/dev/null")], &[]);
        check(
            HostSystem::MacOs,
            &[],
            &[
                "/Library/Application Support/pip/pip.conf",
                "/home/me/.pip/pip.conf",
                "/home/me/.config/pip/pip.conf",
                "/home/me/Library/Application Support/pip/pip.conf",
            ],
        );
        check(
            HostSystem::Windows,
            &[("APPDATA", "C:/Roaming"), ("VIRTUAL_ENV", "C:/venv")],
            &[
                "C:/ProgramData/pip/pip.ini",
                "/home/me/pip/pip.ini",
                "C:/Roaming/pip/pip.ini",
                "C:/venv/pip.ini",
            ],
        );
    }

    #[test]
    fn the_main_index_is_the_first_that_is_named() {
        let pip = ("PIP_INDEX_URL", "https://pip/simple");
        let uv = ("UV_DEFAULT_INDEX", "https://uv/simple");
        let old = ("UV_INDEX_URL", "https://old/simple");
        let global = "[global]\nindex-url = https://global/simple\n";
        let install = "[install]\nindex_url = https://install/simple\n";
        let other = "[global]\nindex-url = https://other/simple\n";
        let check = |pairs: &[(&str, &str)], texts: &[&str], expected: Option<&str>| {
            let settings = combined(pairs, texts).unwrap();
            assert_eq!(
                settings
                    .sources()
                    .index_url
                    .as_ref()
                    .and_then(Url::host_str),
                expected
            );
        };
        check(&[], &[], None);
        check(&[], &[global], Some("global"));
        check(&[], &[global, other], Some("other"));
        check(&[], &[install, other], Some("install"));
        check(&[old], &[install], Some("old"));
        check(&[old, uv], &[install], Some("uv"));
        check(&[old, uv, pip], &[install], Some("pip"));
        let stated = PackageSources {
            index_url: Some("https://stated/simple".parse().unwrap()),
            ..PackageSources::default()
        };
        let settings = combine(
            &environment(&[pip]),
            &SettingsFiles::default(),
            &stated,
            &host(HostSystem::Unix),
        )
        .unwrap();
        assert_eq!(settings.sources().index_url, stated.index_url);
    }

    #[test]
    fn further_places_are_added_to_those_stated() {
        let stated = PackageSources {
            extra_index_urls: vec!["https://stated/".parse().unwrap()],
            find_links: vec![Location::Path("/stated".into())],
            ..PackageSources::default()
        };
        let pairs = [
            ("UV_INDEX", "one=https://one/ https://two/"),
            ("UV_EXTRA_INDEX_URL", "https://three/"),
            ("PIP_FIND_LINKS", "wheels ~/more https://links/x.html"),
        ];
        let text = "[global]\nextra-index-url =\n    https://ignored/\nfind-links = /ignored\n";
        let settings = combine(
            &environment(&pairs),
            &files(&[text]),
            &stated,
            &host(HostSystem::Unix),
        )
        .unwrap();
        let hosts: Vec<_> = settings
            .sources()
            .extra_index_urls
            .iter()
            .filter_map(Url::host_str)
            .collect();
        assert_eq!(hosts, ["stated", "one", "two", "three"]);
        let links = &settings.sources().find_links;
        assert_eq!(
            links[1..3],
            [
                Location::Path("/work/wheels".into()),
                Location::Path("/home/me/more".into())
            ]
        );
        assert_eq!(links.len(), 4);

        let text = "[global]\nextra-index-url =\n    https://four/simple#x\n    https://five/%40\n; a comment\nno-index = yes\n";
        let settings = combined(&[], &[text]).unwrap();
        let urls: Vec<_> = settings
            .sources()
            .extra_index_urls
            .iter()
            .map(Url::as_str)
            .collect();
        assert_eq!(urls, ["https://four/simple#x", "https://five/%40"]);
        assert!(settings.sources().no_index);
    }

    #[test]
    fn credentials_are_found_and_hidden() {
        let pairs = [
            ("PIP_INDEX_URL", "https://me:hunter2@pip/simple"),
            ("UV_INDEX", "my-own=https://own/simple"),
            ("UV_INDEX_MY_OWN_USERNAME", "you"),
            ("UV_INDEX_MY_OWN_PASSWORD", "hunter2"),
            ("PIP_PROXY", "them:hunter2@proxy:3128"),
            ("NO_PROXY", "localhost"),
        ];
        let settings = combined(&pairs, &[]).unwrap();
        assert_eq!(
            settings
                .credentials
                .lookup(&"https://pip/x".parse().unwrap())
                .unwrap()
                .user,
            "me"
        );
        assert_eq!(
            settings
                .credentials
                .lookup(&"https://own/x".parse().unwrap())
                .unwrap()
                .user,
            "you"
        );
        assert!(
            matches!(&settings.proxy, ProxySettings::Through { except: Some(except), .. } if except == "localhost")
        );
        let printed = format!("{settings:?}");
        assert!(
            !printed.contains("hunter2") && printed.contains("proxy:3128"),
            "{printed}"
        );
    }

    #[test]
    fn netrc_is_looked_for_and_read() {
        let unix = host(HostSystem::Unix);
        let paths = netrc_paths(&environment(&[]), &unix);
        assert_eq!(
            paths,
            [
                PathBuf::from("/home/me/.netrc"),
                PathBuf::from("/home/me/_netrc")
            ]
        );
        assert_eq!(
            netrc_paths(&environment(&[("NETRC", "~/x")]), &unix),
            [PathBuf::from("/home/me/x")]
        );
        let text = "machine own login me password hunter2".to_owned();
        let netrc = Some(ConfigFile {
            path: "/home/me/.netrc".into(),
            text,
        });
        let files = SettingsFiles {
            pip: Vec::new(),
            netrc,
        };
        assert!(!format!("{files:?}").contains("hunter2"));
        let settings =
            combine(&environment(&[]), &files, &PackageSources::default(), &unix).unwrap();
        assert_eq!(
            settings
                .credentials
                .lookup(&"https://own/x".parse().unwrap())
                .unwrap()
                .user,
            "me"
        );
    }

    #[test]
    fn the_rest_is_read_too() {
        let settings = combined(
            &[
                ("PIP_DEFAULT_TIMEOUT", "180"),
                ("SSL_CERT_FILE", "/ca.pem"),
                ("UV_OFFLINE", "1"),
            ],
            &[],
        )
        .unwrap();
        assert_eq!(settings.pace.timeout, Duration::from_secs(180));
        assert_eq!(settings.trust, TlsTrust::Certificates("/ca.pem".into()));
        assert_eq!(settings.freshness, CacheFreshness::Offline);
        let settings = combined(
            &[("SSL_CERT_FILE", "/ca.pem")],
            &["[global]\ncert = /pip.pem\ntimeout = 2.5\nretries=0\n"],
        )
        .unwrap();
        assert_eq!(settings.pace.timeout, Duration::from_millis(2500));
        assert_eq!(settings.retries, 0);
        assert_eq!(settings.trust, TlsTrust::Certificates("/pip.pem".into()));
    }

    #[test]
    fn what_makes_no_sense_is_an_error_that_names_the_setting() {
        let check = |pairs: &[(&str, &str)], texts: &[&str], expected: &str| {
            let error = combined(pairs, texts).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("hunter2"),
                "{error}"
            );
        };
        check(
            &[("PIP_RETRIES", "many")],
            &[],
            "PIP_RETRIES: expected a number of retries, found `many`",
        );
        check(
            &[("PIP_TIMEOUT", "-1")],
            &[],
            "PIP_TIMEOUT: expected a number of seconds above zero, found `-1`",
        );
        check(
            &[("UV_NO_INDEX", "maybe")],
            &[],
            "UV_NO_INDEX: expected `true` or `false`, found `maybe`",
        );
        check(
            &[("PIP_INDEX_URL", "https://me:hunter2@[bad/")],
            &[],
            "PIP_INDEX_URL: expected URLs or paths, found",
        );
        check(
            &[],
            &["[global]\nretries = x\n"],
            "/etc/pip.conf, [global] retries: expected",
        );
        check(
            &[],
            &["[global\npassword = hunter2\n"],
            "/etc/pip.conf: expected sections",
        );
    }
}
