use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use actix_web::App;
use actix_web::body::MessageBody;
use actix_web::dev::{ResourceDef, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::ServiceConfig;
use flate2::read::GzDecoder;

use super::*;
use crate::routes;
use crate::web::requests::Requests;

#[derive(RustEmbed)]
#[folder = "src/http/dashboard/sample"]
struct Sample;

static SAMPLE: LazyLock<PageFiles> = LazyLock::new(PageFiles::of::<Sample>);

fn serve_sample(config: &mut ServiceConfig) {
    let mut routes = Routes::default();
    register(&mut routes, &SAMPLE);
    routes.register(config, &Requests::default());
}

fn serve_all(config: &mut ServiceConfig) {
    routes::all().register(config, &Requests::default());
}

/// The answer of a server.
struct Got {
    status: u16,
    head: header::HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name).map(|value| value.to_str().unwrap())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        let values = self.head.get_all(name);
        values.map(|value| value.to_str().unwrap()).collect()
    }

    async fn of(response: ServiceResponse<impl MessageBody>) -> Self {
        Self {
            status: response.status().as_u16(),
            head: response.headers().clone(),
            body: read_body(response).await.to_vec(),
        }
    }
}

async fn ask(serve: fn(&mut ServiceConfig), request: TestRequest) -> Got {
    let app = init_service(App::new().configure(serve)).await;
    Got::of(call_service(&app, request.to_request()).await).await
}

async fn get(path: &str, headers: &[(&str, &str)]) -> Got {
    let mut request = TestRequest::with_uri(path);
    for header in headers {
        request = request.append_header(*header);
    }
    ask(serve_sample, request).await
}

#[actix_web::test]
async fn a_file_is_served_as_what_it_is_and_by_every_name_that_is_its_own() {
    for (path, content_type) in [
        ("/index.html", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/lib/short.mjs", "text/javascript; charset=utf-8"),
    ] {
        let got = get(path, &[]).await;
        let place = format!("{}/src/http/dashboard/sample", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read(format!("{place}{path}")).unwrap();
        assert_eq!((got.status, &got.body), (200, &file), "{path}");
        assert_eq!(got.header("content-type"), Some(content_type));
        assert_eq!(got.header("cache-control"), Some("no-cache"));
        assert_eq!(got.header("content-encoding"), None);
        assert_eq!(got.all("vary"), ["Accept-Encoding"]);
        let head = TestRequest::with_uri(path).method(Method::HEAD);
        let head = ask(serve_sample, head).await;
        assert_eq!(
            (head.status, head.header("etag")),
            (200, got.header("etag"))
        );
    }
}

#[actix_web::test]
async fn a_file_that_gets_shorter_is_compressed_for_those_who_take_that() {
    let plain = get("/app.js", &[]).await;
    for (accepted, is_compressed) in [
        ("gzip, deflate, br, zstd", true),
        ("*", false),
        ("gzip;q=0.5", true),
        ("br", false),
        ("gzip;q=0", false),
        ("identity, gzip;q=0.1", false),
    ] {
        let got = get("/app.js", &[("accept-encoding", accepted)]).await;
        assert_eq!(got.status, 200, "{accepted}");
        let encoding = got.header("content-encoding");
        assert_eq!(encoding, is_compressed.then_some("gzip"), "{accepted}");
        let mut unpacked = Vec::new();
        if is_compressed {
            let mut decoder = GzDecoder::new(got.body.as_slice());
            decoder.read_to_end(&mut unpacked).unwrap();
            assert!(got.body.len() < plain.body.len());
        } else {
            unpacked.clone_from(&got.body);
        }
        assert_eq!(unpacked, plain.body, "{accepted}");
        // Other bytes have another tag.
        assert_eq!(got.header("etag") != plain.header("etag"), is_compressed);
    }
    let short = get("/lib/short.mjs", &[("accept-encoding", "gzip")]).await;
    assert_eq!(
        (short.header("content-encoding"), &short.body[..]),
        (None, &b"1\n"[..])
    );
}

#[actix_web::test]
async fn what_a_browser_has_is_not_sent_again() {
    for accepted in ["gzip", "identity"] {
        let accept = ("accept-encoding", accepted);
        let got = get("/app.js", &[accept]).await;
        let tag = got.header("etag").unwrap();
        assert!(tag.starts_with('"') && tag.len() >= 34, "{tag}");
        for (known, status) in [
            (tag.to_owned(), 304),
            (format!("\"other\", {tag}"), 304),
            (format!("W/{tag}"), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
            (tag.trim_matches('"').to_owned(), 200),
            (tag.replace("\"", "\"x"), 200),
        ] {
            let again = get("/app.js", &[accept, ("if-none-match", &known)]).await;
            assert_eq!(again.status, status, "{known}");
            assert_eq!(again.body.is_empty(), status == 304);
            for name in ["etag", "cache-control", "vary"] {
                assert_eq!(again.header(name), got.header(name), "{known} {name}");
            }
        }
    }
    let [plain, gzip] = ["identity", "gzip"].map(|accepted| ("accept-encoding", accepted));
    let tag = get("/app.js", &[plain]).await;
    let tag = tag.header("etag").unwrap();
    let other_form = get("/app.js", &[gzip, ("if-none-match", tag)]).await;
    assert_eq!(other_form.status, 200);
}

#[actix_web::test]
async fn people_get_the_page_and_programs_where_to_read_on() {
    let browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (accepted, is_page) in [
        (Some(browsers), true),
        (Some("TEXT/HTML"), true),
        (Some("*/*"), false),
        (Some("application/json"), false),
        (Some("text/html;q=0, */*"), false),
        (Some("nonsense"), false),
        (None, false),
    ] {
        let headers: Vec<_> = accepted.map(|kind| ("accept", kind)).into_iter().collect();
        let got = get("/", &headers).await;
        assert_eq!(got.status, 200, "{accepted:?}");
        assert_eq!(
            got.body.starts_with(b"<!doctype html>"),
            is_page,
            "{accepted:?}"
        );
        assert_eq!(got.body.starts_with(b"{"), !is_page, "{accepted:?}");
        assert!(got.all("vary").contains(&"Accept"));
    }
}

#[actix_web::test]
async fn no_trick_with_a_path_leads_to_a_file() {
    for path in [
        "/notes.md",
        "/sample/app.js",
        "/lib",
        "/lib/",
        "/app.js/",
        "/APP.JS",
        "//app.js",
        "//lib/short.mjs",
        "/lib//short.mjs",
        "/./app.js",
        "/lib/../app.js",
        "/../dashboard.rs",
        "/lib/../../files.rs",
        "/%2e%2e/files.rs",
        "/lib/%2e%2e/app.js",
        "/lib%2fshort.mjs",
        "/lib%5cshort.mjs",
        "/app.js%00",
        "/app.js%20",
    ] {
        assert_eq!(get(path, &[]).await.status, 404, "{path}");
        assert!(!SAMPLE.has(path), "{path}");
    }
}

#[test]
fn a_file_that_was_changed_is_read_again_and_one_that_was_not_is_made_once() {
    let first = SAMPLE.read("/app.js").unwrap();
    let second = SAMPLE.read("/app.js").unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let changing = PageFiles::of::<Changing>();
    let [old, new] = [(); 2].map(|()| changing.read("/a.js").unwrap());
    assert_ne!(old.tag(""), new.tag(""));
    assert_eq!((&old.plain[..], &new.plain[..]), (&b"0"[..], &b"1"[..]));
}

/// A file that is another one each time.
struct Changing;

impl RustEmbed for Changing {
    fn get(name: &str) -> Option<rust_embed::EmbeddedFile> {
        static TIMES: AtomicU8 = AtomicU8::new(0);
        assert_eq!(name, "a.js");
        let time = TIMES.fetch_add(1, Ordering::Relaxed);
        Some(rust_embed::EmbeddedFile {
            data: vec![b'0' + time].into(),
            metadata: rust_embed::Metadata::__rust_embed_new([time; 32], None, None),
        })
    }

    fn iter() -> impl Iterator<Item = Cow<'static, str>> + 'static {
        std::iter::once(Cow::Borrowed("a.js"))
    }
}

#[test]
fn no_file_stands_where_something_else_is() {
    let files: BTreeSet<_> = FILES.paths().collect();
    assert!(files.contains("/index.html"));
    for (pattern, _) in routes::all().allowed() {
        if pattern == "/" || files.contains(pattern) {
            continue;
        }
        let taken = files
            .iter()
            .find(|path| ResourceDef::new(pattern).is_match(path));
        assert_eq!(taken, None, "{pattern}");
    }
    for path in files {
        assert!(is_at(path));
        let begin = path[1..].split('/').next().unwrap();
        assert!(
            !["v1", "health", "metrics", "docs", "events"].contains(&begin),
            "{path}: everybody may load it"
        );
    }
    assert!(is_at("/") && !is_at("/v1/messages") && !is_at("") && !is_at("/lib"));
}

/// Everything that the page loads is there, and from here.
#[actix_web::test]
async fn the_page_is_whole() {
    let page = ask(serve_all, TestRequest::with_uri("/index.html")).await;
    let page = String::from_utf8(page.body).unwrap();
    let mut todo: Vec<String> = Vec::new();
    for mark in ["href=\"", "src=\""] {
        let links = page.split(mark).skip(1);
        todo.extend(links.map(|link| format!("/{}", link.split('"').next().unwrap())));
    }
    assert!(todo.iter().any(|path| path == "/app.js"), "{todo:?}");
    let mut seen = BTreeSet::new();
    while let Some(path) = todo.pop() {
        let got = ask(serve_all, TestRequest::with_uri(&path)).await;
        assert_eq!(got.status, 200, "{path}");
        if !seen.insert(path.clone()) || !path.ends_with(".js") {
            continue;
        }
        let text = String::from_utf8(got.body).unwrap();
        todo.extend(imports(&text).map(|import| resolved(&path, import)));
    }
    assert!(seen.len() > 5, "{seen:?}");
}

/// The files that a module names.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let starts = text
        .split("from")
        .skip(1)
        .chain(text.split("import(").skip(1));
    starts.filter_map(|rest| {
        let rest = rest.trim_start();
        let quote = rest.chars().next().filter(|first| "'\"".contains(*first))?;
        let name = rest[1..].split(quote).next()?;
        name.starts_with('.').then_some(name)
    })
}

/// Where the module at `path` finds another one.
fn resolved(path: &str, import: &str) -> String {
    let mut steps: Vec<_> = path.split('/').collect();
    steps.pop();
    for step in import.split('/') {
        match step {
            "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}
