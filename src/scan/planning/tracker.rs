//! Where a project wants to hear of what is missing, by what its metadata says.

use crate::model::metadata::Metadata;

/// Parts of the labels that projects give the address, the best first.
/// <https://packaging.python.org/en/latest/specifications/well-known-project-urls/>
const LABELS: [&str; 8] = [
    "issue",
    "bug",
    "tracker",
    "source",
    "repository",
    "code",
    "github",
    "home",
];

/// The address; only one that a browser would open.
pub(super) fn of(metadata: &Metadata) -> Option<String> {
    let is_web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    let urls = || metadata.project_urls.iter().filter(|(_, url)| is_web(url));
    let labelled = |label: &str| urls().find(|(name, _)| name.to_lowercase().contains(label));
    LABELS
        .iter()
        .find_map(|label| labelled(label))
        .map(|(_, url)| url.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_label_wins() {
        let check = |urls: &[(&str, &str)], expected: Option<&str>| {
            let mut metadata =
                crate::archive::metadata::parse(b"Metadata-Version: 2.1\nName: a\nVersion: 1\n")
                    .unwrap();
            metadata.project_urls = urls
                .iter()
                .map(|(label, url)| ((*label).into(), (*url).into()))
                .collect();
            assert_eq!(of(&metadata).as_deref(), expected, "{urls:?}");
        };
        check(
            &[
                ("Homepage", "https://a/"),
                ("Bug Tracker", "https://b/"),
                ("Source", "https://c/"),
            ],
            Some("https://b/"),
        );
        check(
            &[("Home-page", "https://a/"), ("Source Code", "https://c/")],
            Some("https://c/"),
        );
        check(
            &[("Issues", "javascript:alert(1)"), ("homepage", "http://a/")],
            Some("http://a/"),
        );
        check(&[("Funding", "https://a/")], None);
    }
}
