//! The cookie of a session: what the hub gives a browser that signed in, and finds in its requests.

use actix_web::http::header::{self, HeaderMap, HeaderValue};

use crate::hub::sessions::SessionId;

const NAME: &str = "message_hub";

/// The session that a request belongs to, whether it is open or not.
pub(crate) fn session(headers: &HeaderMap) -> Option<SessionId> {
    let cookies = headers.get_all(header::COOKIE);
    let cookies = cookies.filter_map(|header| header.to_str().ok());
    let mut pairs = cookies.flat_map(|header| header.split(';'));
    let token = pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))?;
    Some(SessionId::of(token.as_bytes()))
}

/// Gives the browser this token, which no page can read. It sends it only where the page is the
/// hub's own, and if `is_secure` never in clear.
pub(crate) fn given(token: &str, is_secure: bool) -> HeaderValue {
    value(&format!("{NAME}={token}{ATTRIBUTES}"), is_secure)
}

/// Takes it away.
pub(crate) fn taken(is_secure: bool) -> HeaderValue {
    value(&format!("{NAME}={ATTRIBUTES}; Max-Age=0"), is_secure)
}

const ATTRIBUTES: &str = "; Path=/; HttpOnly; SameSite=Strict";

fn value(cookie: &str, is_secure: bool) -> HeaderValue {
    let secure = if is_secure { "; Secure" } else { "" };
    let value = HeaderValue::from_str(&format!("{cookie}{secure}"));
    value.expect("a token is letters and digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            let value = HeaderValue::from_str(cookie).unwrap();
            headers.append(header::COOKIE, value);
        }
        headers
    }

    #[test]
    fn the_session_is_found_among_other_cookies_and_the_first_one_counts() {
        let expected = Some(SessionId::of(b"abc"));
        for cookies in [
            &["message_hub=abc"][..],
            &["theme=dark; message_hub=abc"],
            &["theme=dark", "a=b;message_hub=abc;c=d"],
            &["message_hub=abc; message_hub=other"],
        ] {
            assert_eq!(session(&headers(cookies)), expected, "{cookies:?}");
        }
        for cookies in [
            &[][..],
            &["message_hub"],
            &["message_hub2=abc"],
            &["x=message_hub=abc"],
        ] {
            assert_eq!(session(&headers(cookies)), None, "{cookies:?}");
        }
    }

    #[test]
    fn what_is_given_is_for_the_hubs_own_pages_alone() {
        let given = given("abc", true);
        assert_eq!(
            given.to_str().unwrap(),
            "message_hub=abc; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        let taken = taken(false);
        assert_eq!(
            taken.to_str().unwrap(),
            "message_hub=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }
}
