//! Takes user names and passwords out of URLs, so that nothing that shows a URL can show them.

use url::Url;

use crate::model::request::UrlCredentials;

/// Takes them out of the URL; `None` when it holds none.
pub(super) fn take_out(url: &mut Url) -> Option<UrlCredentials> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let username = decoded(url.username());
    let password = url.password().map(decoded);
    // These fail for URLs without a server, which have no credentials.
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let mut without_fragment = url.clone();
    without_fragment.set_fragment(None);
    Some(UrlCredentials {
        url: without_fragment,
        username,
        password,
    })
}

/// Undoes percent-encoding; what is not UTF-8 then is shown by replacement characters.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after
            .get(..2)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_shows_a_url_shows_them() {
        let mut url: Url = "https://me%40work:p%2Fss@host:8080/simple?q#sha256=00"
            .parse()
            .unwrap();
        let credentials = take_out(&mut url).unwrap();
        assert_eq!(url.as_str(), "https://host:8080/simple?q#sha256=00");
        assert_eq!(
            (
                credentials.username.as_str(),
                credentials.password.as_deref()
            ),
            ("me@work", Some("p/ss"))
        );
        assert_eq!(
            format!("{credentials:?}"),
            "Credentials { url: \"https://host:8080/simple?q\", .. }"
        );
        assert_eq!(take_out(&mut url), None);
    }

    #[test]
    fn percent_signs_that_encode_nothing_stay() {
        assert_eq!(decoded("a%zz%4"), "a%zz%4");
        assert_eq!(decoded("%c3%a4%ff"), "ä\u{fffd}");
    }
}
