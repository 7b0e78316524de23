//! TLS to the outside: which issuers of certificates are trusted, and what a failure means.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, TrustAnchor};
use rustls::{
    AlertDescription, CertificateError, ConfigBuilder, Error, OtherError, RootCertStore,
    WantsVerifier,
};

/// How `tokio-rustls` says that the other side hung up.
const CUT_SHORT: &str = "tls handshake eof";

/// What is wrong with the file of trusted issuers.
#[derive(Debug, thiserror::Error)]
#[error("tls_ca_file: {}: {problem}", file.display())]
pub struct TrustError {
    file: PathBuf,
    problem: String,
}

/// The issuers of certificates that are trusted: those of the operating system, and those of a
/// file. Clones share what was read.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    of_file: Vec<TrustAnchor<'static>>,
    all: Arc<OnceLock<Arc<RootCertStore>>>,
}

impl Trust {
    /// Those of the operating system are read when somebody needs them: they take time and memory,
    /// and most hubs only speak to their own network.
    ///
    /// # Errors
    /// The file cannot be read, or is no list of certificates.
    pub fn new(file: Option<&Path>) -> Result<Self, TrustError> {
        let read = file.map(|file| {
            read(file).map_err(|problem| TrustError {
                file: file.to_owned(),
                problem,
            })
        });
        let of_file = read.transpose()?.unwrap_or_default();
        let all = Arc::default();
        Ok(Self { of_file, all })
    }

    /// All of them.
    pub fn roots(&self) -> Arc<RootCertStore> {
        let all = self.all.get_or_init(|| {
            let mut roots = RootCertStore {
                roots: self.of_file.clone(),
            };
            add_those_of_the_system(&mut roots);
            Arc::new(roots)
        });
        all.clone()
    }

    /// For HTTP/1.1, with servers that prove to be who they should be.
    pub fn https(&self) -> ClientConfig {
        let verified = client().with_root_certificates(self.roots());
        let mut config = verified.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

fn read(file: &Path) -> Result<Vec<TrustAnchor<'static>>, String> {
    let advice =
        "name a file of certificates in PEM, each between BEGIN CERTIFICATE and END CERTIFICATE";
    let text = std::fs::read(file).map_err(|error| format!("cannot be read: {error}; {advice}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate =
            certificate.map_err(|error| format!("is broken: {}; {advice}", broken(&error)))?;
        let added = roots.add(certificate);
        added.map_err(|error| {
            let number = roots.len() + 1;
            let problem = unusable(&error);
            format!("certificate {number} cannot be used: {problem}; {advice}")
        })?;
    }
    if roots.is_empty() {
        return Err(format!("holds no certificate; {advice}"));
    }
    Ok(roots.roots)
}

fn add_those_of_the_system(roots: &mut RootCertStore) {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificates of this machine that cannot be read");
    }
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(
            "this machine has no certificates of issuers: install its ca-certificates, or only \
             those of tls_ca_file are trusted"
        );
    }
}

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The side that connects.
pub fn client() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for these versions")
}

/// What a connection failed of, and what to do about it; nothing if it was not about TLS.
pub fn in_words(error: &io::Error) -> Option<String> {
    let inner = error.get_ref()?;
    if inner.to_string() == CUT_SHORT {
        return Some("connection closed in the TLS handshake".to_owned());
    }
    Some(match inner.downcast_ref::<Error>()? {
        Error::InvalidCertificate(problem) => problem_in_words(problem),
        Error::InvalidMessage(_) => "what answers there speaks no TLS".to_owned(),
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "it asks for a certificate of its clients, and the hub shows none".to_owned()
        }
        other => format!("TLS: {other}"),
    })
}

fn problem_in_words(problem: &CertificateError) -> String {
    match problem {
        // The second is one with the name of a trusted issuer and another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is of an unknown issuer, which tls_ca_file may name".to_owned()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let expected = expected.to_str();
            let names = names(presented);
            format!("its certificate is not for {expected}; {names}")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::BadEncoding => "its certificate cannot be read".to_owned(),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate is signed in a way that the hub does not know".to_owned()
        }
        CertificateError::Other(OtherError(cause)) => other_problem_in_words(&cause.to_string()),
        other => format!("its certificate cannot be trusted: {other}"),
    }
}

/// `rustls` has no names of its own for these.
fn other_problem_in_words(cause: &str) -> String {
    match cause {
        "CaUsedAsEndEntity" => {
            "its certificate is marked as an issuer's (CA:TRUE), not as a server's".to_owned()
        }
        "UnsupportedCertVersion" => "its certificate is of X.509 version 1; it has to be of \
            version 3, with its names as subjectAltName"
            .to_owned(),
        other => format!("its certificate cannot be trusted: {other}"),
    }
}

/// What a certificate is for. `rustls` tells names as its code writes them: `DnsName("h")`.
fn names(presented: &[String]) -> String {
    let mut names = Vec::new();
    for name in presented {
        let kinds = [("DnsName(\"", "\")"), ("IpAddress(", ")")];
        for (before, after) in kinds {
            let plain = name.strip_prefix(before);
            names.extend(plain.and_then(|plain| plain.strip_suffix(after)));
        }
    }
    if names.is_empty() {
        return "it has no subjectAltName with a name or an address (its CN does not count)"
            .to_owned();
    }
    format!("it is for {}", names.join(", "))
}

/// Why nobody can be trusted by this certificate.
fn unusable(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::BadEncoding) => "it cannot be read".to_owned(),
        Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => cause.to_string(),
        other => other.to_string(),
    }
}

/// What is wrong with a text of certificates.
fn broken(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a certificate in it has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a line with BEGIN in it has no end".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(error: Error) -> String {
        in_words(&io::Error::other(error)).unwrap()
    }

    #[test]
    fn no_failure_is_told_as_the_code_of_a_library_writes_it() {
        let id = vec![42, 134];
        for (problem, told) in [
            (CertificateError::BadEncoding, "cannot be read"),
            (
                CertificateError::UnsupportedSignatureAlgorithmContext {
                    signature_algorithm_id: id.clone(),
                    supported_algorithms: Vec::new(),
                },
                "signed in a way",
            ),
            (
                CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                    signature_algorithm_id: id.clone(),
                    public_key_algorithm_id: id,
                },
                "signed in a way",
            ),
            (
                CertificateError::Other(OtherError(Arc::new(io::Error::other("a cause")))),
                "cannot be trusted: a cause",
            ),
        ] {
            let said = words(problem.into());
            assert!(said.contains(told), "{said}");
        }
    }

    #[test]
    fn a_certificate_is_told_by_its_plain_names() {
        let names = |of: &[&str]| names(&of.iter().map(|&one| one.to_owned()).collect::<Vec<_>>());
        assert_eq!(
            names(&["DnsName(\"*.h\")", "DirectoryName", "IpAddress(::1)"]),
            "it is for *.h, ::1"
        );
        for none in [&[][..], &["DirectoryName"]] {
            assert!(names(none).starts_with("it has no subjectAltName"));
        }
    }
}
