//! An issuer of certificates, and the certificates it gives to servers.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use x509_cert::der::{Decode, Encode};
use x509_cert::{Certificate, Version};

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

/// What a server proves its name with, in PEM.
pub(crate) struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("an issuer for tests")
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    /// The path of its own certificate, in PEM.
    pub(crate) fn file(&self) -> String {
        let file: PathBuf = self.directory.path().join("ca.pem");
        file.display().to_string()
    }

    /// For names and addresses.
    pub(crate) fn identity(&self, hosts: &[&str]) -> Identity {
        self.issue(params(hosts))
    }

    pub(crate) fn expired_identity(&self, hosts: &[&str]) -> Identity {
        let mut params = params(hosts);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Signed by itself, and marked as an issuer's or not.
pub(crate) fn own_identity(hosts: &[&str], is_issuer: bool) -> Identity {
    let mut params = params(hosts);
    if is_issuer {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn params(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    CertificateParams::new(hosts).unwrap()
}

impl Identity {
    /// With a certificate of X.509 version 1, which has no extensions. Its own signature no longer
    /// fits.
    pub(crate) fn in_version_1(self) -> Self {
        let mut read = Certificate::from_der(&self.der()).unwrap();
        read.tbs_certificate.version = Version::V1;
        read.tbs_certificate.extensions = None;
        let text = BASE64_STANDARD.encode(read.to_der().unwrap());
        let mut certificate = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for line in text.as_bytes().chunks(64) {
            certificate.push_str(str::from_utf8(line).unwrap());
            certificate.push('\n');
        }
        certificate.push_str("-----END CERTIFICATE-----\n");
        let key = self.key;
        Self { certificate, key }
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.server_for(Arc::new(NoClientAuth))
    }

    /// Lets in who has a certificate of the authority.
    pub(crate) fn server_for_clients_of(&self, authority: &Authority) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        self.server_for(clients.build().unwrap())
    }

    fn server_for(&self, clients: Arc<dyn ClientCertVerifier>) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let key = ring::sign::any_supported_type(&key).unwrap();
        // Whatever its version.
        let identity = CertifiedKey::new(vec![self.der()], key);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        // In this order: what the client asks for decides.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}
