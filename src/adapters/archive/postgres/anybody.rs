//! A server that does not have to prove who it is.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use x509_cert::der::{Decode, Encode};
use x509_cert::{Certificate, Version};

/// Takes any certificate: what is sent cannot be read on the way, except by an impostor. It has to
/// be the server's own all the same, as a password may be bound to it (`channel_binding`).
#[derive(Debug)]
pub(super) struct Anybody(pub Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        by_its_key(certificate, |certificate| {
            verify_tls12_signature(message, certificate, signed, algorithms)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        by_its_key(certificate, |certificate| {
            verify_tls13_signature(message, certificate, signed, algorithms)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Its key, in a certificate that `rustls` can read: it takes none of X.509 version 1 (which has no
/// extensions) and none with an extension that it does not know.
fn bare(certificate: &CertificateDer<'_>) -> Option<CertificateDer<'static>> {
    let mut read = Certificate::from_der(certificate).ok()?;
    let content = &mut read.tbs_certificate;
    content.version = Version::V3;
    content.issuer_unique_id = None;
    content.subject_unique_id = None;
    content.extensions = None;
    Some(read.to_der().ok()?.into())
}

/// What `verify` says of the key alone. Nothing can be bound to a certificate that cannot be read,
/// so nothing is proven by its key.
fn by_its_key(
    certificate: &CertificateDer<'_>,
    verify: impl FnOnce(&CertificateDer<'_>) -> Result<HandshakeSignatureValid, Error>,
) -> Result<HandshakeSignatureValid, Error> {
    match bare(certificate) {
        Some(certificate) => verify(&certificate),
        None => Ok(HandshakeSignatureValid::assertion()),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::client::ClientConnection;
    use rustls::crypto::ring::sign::any_supported_type;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::server::{ServerConfig, ServerConnection};
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use rustls::version::{TLS12, TLS13};
    use rustls::{ClientConfig, SupportedProtocolVersion};

    use super::*;
    use crate::adapters::tls;

    fn in_version_3(key: &KeyPair) -> Vec<u8> {
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.self_signed(key).unwrap().der().to_vec()
    }

    fn in_version_1(key: &KeyPair) -> Vec<u8> {
        let mut read = Certificate::from_der(&in_version_3(key)).unwrap();
        read.tbs_certificate.version = Version::V1;
        read.tbs_certificate.extensions = None;
        read.to_der().unwrap()
    }

    /// With a server that has this certificate and key.
    fn handshake(
        version: &'static SupportedProtocolVersion,
        certificate: Vec<u8>,
        key: &KeyPair,
    ) -> Result<(), Error> {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = any_supported_type(&key).unwrap();
        let identity = CertifiedKey::new(vec![certificate.into()], key);
        let server = ServerConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(&[version])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        let client = ClientConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(&[version])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(tls::provider())))
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name)?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() {
            let mut sent = Vec::new();
            client.write_tls(&mut sent).unwrap();
            server.read_tls(&mut sent.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut answered = Vec::new();
            server.write_tls(&mut answered).unwrap();
            client.read_tls(&mut answered.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn any_certificate_will_do_if_it_is_the_servers_own() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        for version in [&TLS12, &TLS13] {
            for certificate in [in_version_1, in_version_3] {
                assert_eq!(handshake(version, certificate(&key), &key), Ok(()));
                let stolen = handshake(version, certificate(&other), &key);
                assert!(
                    matches!(stolen, Err(Error::InvalidCertificate(_))),
                    "{stolen:?}"
                );
            }
            let unreadable = b"nothing".to_vec();
            assert_eq!(handshake(version, unreadable, &key), Ok(()));
        }
    }
}
