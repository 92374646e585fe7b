//! Index pages and `--find-links` pages in HTML (PEP 503, PEP 592, PEP 658, PEP 714): the anchors are all that counts.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{Error, Span, Tokenizer};
use url::Url;

use super::{PageLink, SimplePage, check_version, digests_of_fragment};
use crate::index::credentials::percent_decode;
use crate::index::error::{IndexError, shown};
use crate::index::settings::MOST_LINKS;
use crate::index::simple::json::intern;
use crate::model::artifact::MetadataFile;
use crate::model::place::Location;

/// Reads a page in HTML.
pub(in crate::index) fn read(url: &Url, body: &[u8]) -> Result<SimplePage, IndexError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut collector = LinkCollector::new(url);
    let emitter = CallbackEmitter::new(&mut collector);
    let Ok(()) = Tokenizer::new_with_emitter(body, emitter).finish();
    let error = |found: &str| IndexError::Page {
        url: shown(url),
        expected: "an index page in HTML".to_owned(),
        found: found.to_owned(),
    };
    if !collector.any_tag {
        return Err(error("no HTML"));
    }
    if collector.cut_off || collector.open_anchor {
        return Err(error("a page that ends in the middle of a tag or a link"));
    }
    if collector.has_too_many {
        return Err(error(&format!("more than {MOST_LINKS} links, the limit")));
    }
    if let Some(version) = &collector.version {
        check_version(url, version)?;
    }
    Ok(collector.page)
}

/// Tags whose attributes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HtmlTag {
    Anchor,
    Base,
    Meta,
    Other,
}

/// Attributes that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HtmlAttribute {
    Href,
    RequiresPython,
    Yanked,
    CoreMetadata,
    DistInfoMetadata,
    Name,
    Content,
    Other,
}

#[derive(Default)]
struct AttributeValues {
    href: Option<String>,
    requires_python: Option<String>,
    yanked: Option<String>,
    core_metadata: Option<String>,
    dist_info_metadata: Option<String>,
    name: Option<String>,
    content: Option<String>,
}

impl AttributeValues {
    /// Where an attribute's value goes; the first of several with one name counts, as in browsers.
    fn slot(&mut self, attribute: HtmlAttribute) -> Option<&mut Option<String>> {
        Some(match attribute {
            HtmlAttribute::Href => &mut self.href,
            HtmlAttribute::RequiresPython => &mut self.requires_python,
            HtmlAttribute::Yanked => &mut self.yanked,
            HtmlAttribute::CoreMetadata => &mut self.core_metadata,
            HtmlAttribute::DistInfoMetadata => &mut self.dist_info_metadata,
            HtmlAttribute::Name => &mut self.name,
            HtmlAttribute::Content => &mut self.content,
            HtmlAttribute::Other => return None,
        })
    }
}

struct LinkCollector {
    base: Url,
    base_seen: bool,
    local: bool,
    tag: HtmlTag,
    attribute: HtmlAttribute,
    values: AttributeValues,
    shared: HashSet<Arc<str>>,
    version: Option<String>,
    page: SimplePage,
    any_tag: bool,
    cut_off: bool,
    open_anchor: bool,
    has_too_many: bool,
}

impl LinkCollector {
    fn new(url: &Url) -> LinkCollector {
        LinkCollector {
            base: url.clone(),
            base_seen: false,
            local: url.scheme() == "file",
            tag: HtmlTag::Other,
            attribute: HtmlAttribute::Other,
            values: AttributeValues::default(),
            shared: HashSet::new(),
            version: None,
            page: SimplePage::default(),
            any_tag: false,
            cut_off: false,
            open_anchor: false,
            has_too_many: false,
        }
    }

    fn open(&mut self, name: &[u8]) {
        self.any_tag = true;
        self.values = AttributeValues::default();
        self.attribute = HtmlAttribute::Other;
        self.tag = match name {
            b"a" => HtmlTag::Anchor,
            b"base" => HtmlTag::Base,
            b"meta" => HtmlTag::Meta,
            _ => HtmlTag::Other,
        };
    }

    fn attribute(&mut self, name: &[u8]) {
        self.attribute = match name {
            b"href" => HtmlAttribute::Href,
            b"data-requires-python" => HtmlAttribute::RequiresPython,
            b"data-yanked" => HtmlAttribute::Yanked,
            b"data-core-metadata" => HtmlAttribute::CoreMetadata,
            b"data-dist-info-metadata" => HtmlAttribute::DistInfoMetadata,
            b"name" => HtmlAttribute::Name,
            b"content" => HtmlAttribute::Content,
            _ => HtmlAttribute::Other,
        };
        if self.tag == HtmlTag::Other {
            self.attribute = HtmlAttribute::Other;
        }
        // `data-yanked` without a value counts too.
        self.value(b"");
    }

    fn value(&mut self, value: &[u8]) {
        if let Some(slot) = self.values.slot(self.attribute)
            && slot.as_ref().is_none_or(String::is_empty)
        {
            *slot = Some(String::from_utf8_lossy(value).into_owned());
        }
    }

    fn close(&mut self) {
        let values = std::mem::take(&mut self.values);
        match self.tag {
            HtmlTag::Anchor => self.anchor(values),
            HtmlTag::Base if !self.base_seen => {
                if let Some(base) = values
                    .href
                    .and_then(|href| self.base.join(href.trim()).ok())
                {
                    self.base_seen = true;
                    self.base = base;
                }
            }
            HtmlTag::Meta if values.name.as_deref() == Some("pypi:repository-version") => {
                self.version = values.content
            }
            HtmlTag::Base | HtmlTag::Meta | HtmlTag::Other => {}
        }
        self.tag = HtmlTag::Other;
    }

    fn anchor(&mut self, values: AttributeValues) {
        // An anchor without `href` is a target, not a link.
        let Some(href) = &values.href else { return };
        self.open_anchor = true;
        match self.link(href.trim(), &values) {
            Some(_) if self.page.links.len() == MOST_LINKS => self.has_too_many = true,
            Some(link) => self.page.links.push(link),
            None => self.page.left_out += 1,
        }
    }

    fn link(&mut self, href: &str, values: &AttributeValues) -> Option<PageLink> {
        let mut url = self.base.join(href).ok()?;
        let digests = url.fragment().map(digests_of_fragment).unwrap_or_default();
        url.set_fragment(None);
        let filename = url
            .path_segments()?
            .next_back()
            .map(percent_decode)
            .filter(|name| !name.is_empty())?;
        let location = match url.scheme() {
            "http" | "https" => {
                // Both fail only for URLs that cannot have a user; credentials on a page are not ours to use.
                let _ = url.set_username("");
                let _ = url.set_password(None);
                Location::Url(url)
            }
            // Only a page on this machine may point at files on this machine.
            "file" if self.local => Location::Path(url.to_file_path().ok()?),
            _ => return None,
        };
        let requires_python = values
            .requires_python
            .as_deref()
            .filter(|text| !text.trim().is_empty());
        let announced = values
            .core_metadata
            .as_deref()
            .or(values.dist_info_metadata.as_deref());
        Some(PageLink {
            digests,
            requires_python: requires_python.map(|text| intern(text, &mut self.shared)),
            yanked: values.yanked.clone(),
            metadata_file: announced.map_or(MetadataFile::Unannounced, metadata_file),
            ..PageLink::plain(filename, location)
        })
    }
}

fn metadata_file(value: &str) -> MetadataFile {
    match value.trim() {
        "" | "false" => MetadataFile::Unannounced,
        value => MetadataFile::Announced(digests_of_fragment(value).into_iter().next()),
    }
}

impl Callback<Infallible, ()> for &mut LinkCollector {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _span: Span<()>) -> Option<Infallible> {
        match event {
            CallbackEvent::OpenStartTag { name } => self.open(name),
            CallbackEvent::AttributeName { name } => self.attribute(name),
            CallbackEvent::AttributeValue { value } => self.value(value),
            CallbackEvent::CloseStartTag { .. } => self.close(),
            CallbackEvent::EndTag { name } => {
                self.any_tag = true;
                self.tag = HtmlTag::Other;
                if name == b"a" {
                    self.open_anchor = false;
                }
            }
            CallbackEvent::Error(Error::EofInTag | Error::EofBeforeTagName) => self.cut_off = true,
            CallbackEvent::String { .. }
            | CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(base: &str, body: &str) -> Vec<PageLink> {
        read(&Url::parse(base).unwrap(), body.as_bytes())
            .unwrap()
            .links
    }

    #[test]
    fn links_are_resolved_and_attributes_decoded() {
        let digest = "0".repeat(64);
        let body = format!(
            "<!doctype html><base href='../../files/'><!-- <a href='no-1.0.tar.gz'></a> -->\
             <A HREF=\"a-1.0%2Blocal-py3-none-any.whl#sha256={digest}\" data-requires-python=\"&gt;=3.8,&lt;4\" \
             data-yanked=\"bad &amp; broken\" data-dist-info-metadata=\"sha256={digest}\">text</A>\
             <a href='/abs/a-2.0.tar.gz' data-yanked data-core-metadata=true>x</a>\
             <a href='https://u:p@other/a-3.0.zip#md5=00'>x</a><a href='file:///etc/a-4.0.zip'>x</a><a name=x>y</a>\
             <a href='..'>up</a>"
        );
        let page = read(
            &Url::parse("https://host/simple/a/").unwrap(),
            body.as_bytes(),
        )
        .unwrap();
        let urls: Vec<_> = page
            .links
            .iter()
            .map(|link| format!("{:?}", link.location))
            .collect();
        assert_eq!(page.links.len(), 3, "{urls:?}");
        assert_eq!(page.left_out, 2);
        let [first, second, third] = page.links.as_slice() else {
            panic!()
        };
        assert_eq!(first.filename, "a-1.0+local-py3-none-any.whl");
        assert_eq!(
            first.location,
            Location::Url(
                "https://host/files/a-1.0%2Blocal-py3-none-any.whl"
                    .parse()
                    .unwrap()
            )
        );
        assert_eq!(first.digests.len(), 1);
        assert_eq!(first.requires_python.as_deref(), Some(">=3.8,<4"));
        assert_eq!(first.yanked.as_deref(), Some("bad & broken"));
        assert!(matches!(
            first.metadata_file,
            MetadataFile::Announced(Some(_))
        ));
        assert_eq!(second.yanked.as_deref(), Some(""));
        assert_eq!(second.metadata_file, MetadataFile::Announced(None));
        assert_eq!(
            third.location,
            Location::Url("https://other/a-3.0.zip".parse().unwrap())
        );
        assert!(third.digests.is_empty());
    }

    #[test]
    fn a_local_page_may_point_at_local_files() {
        let found = links(
            "file:///srv/wheels/index.html",
            "<a href='a-1.0.tar.gz'>a</a>",
        );
        assert_eq!(
            found[0].location,
            Location::Path("/srv/wheels/a-1.0.tar.gz".into())
        );
    }
}
