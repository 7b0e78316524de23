//! The files of a page, and what is made of each to be sent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::EntityTag;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};

/// What browsers load, by the end of the name. Anything else is for who reads the source.
const CONTENT_TYPES: [(&str, &str); 6] = [
    (".html", "text/html; charset=utf-8"),
    (".js", "text/javascript; charset=utf-8"),
    (".mjs", "text/javascript; charset=utf-8"),
    (".css", "text/css; charset=utf-8"),
    (".svg", "image/svg+xml"),
    (".png", "image/png"),
];

pub(super) struct PageFiles {
    /// By path, with what they are served as.
    content_types: BTreeMap<String, &'static str>,
    get: fn(&str) -> Option<EmbeddedFile>,
    /// By path; each is made when it is asked for first, and again when the file is another one.
    made: Mutex<BTreeMap<String, Arc<PageFile>>>,
}

/// A file as it is sent.
pub(super) struct PageFile {
    hash: [u8; 32],
    pub(super) content_type: &'static str,
    pub(super) plain: Bytes,
    /// `None`: it would be no shorter.
    pub(super) gzip: Option<Bytes>,
}

impl PageFiles {
    pub(super) fn of<E: RustEmbed>() -> Self {
        let served = E::iter().filter_map(|name| {
            let content_type = content_type(&name)?;
            Some((format!("/{name}"), content_type))
        });
        Self {
            content_types: served.collect(),
            get: E::get,
            made: Mutex::default(),
        }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.content_types.keys().map(String::as_str)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.content_types.contains_key(path)
    }

    /// `None`: there is no such file.
    pub(super) fn read(&self, path: &str) -> Option<Arc<PageFile>> {
        let content_type = self.content_types.get(path)?;
        let file = (self.get)(path.strip_prefix('/')?)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let known = made.get(path);
        if let Some(known) = known.filter(|known| known.hash == file.metadata.sha256_hash()) {
            return Some(known.clone());
        }
        let new = Arc::new(PageFile::new(file, content_type));
        made.insert(path.to_owned(), new.clone());
        Some(new)
    }
}

impl PageFile {
    fn new(file: EmbeddedFile, content_type: &'static str) -> Self {
        let gzip = gzip(&file.data).ok();
        Self {
            hash: file.metadata.sha256_hash(),
            content_type,
            gzip: gzip.filter(|gzip| gzip.len() < file.data.len()),
            plain: match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            },
        }
    }

    /// Names these bytes; each form of a file has its own `end`.
    pub(super) fn tag(&self, end: &str) -> EntityTag {
        // Half of the hash is more than enough to tell versions of a file.
        let hash = u128::from_be_bytes(self.hash[..16].try_into().expect("it has 32 bytes"));
        EntityTag::new_strong(format!("{hash:032x}{end}"))
    }
}

fn content_type(name: &str) -> Option<&'static str> {
    let known = CONTENT_TYPES.iter().find(|(end, _)| name.ends_with(end));
    known.map(|(_, content_type)| *content_type)
}

fn gzip(bytes: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.into())
}
