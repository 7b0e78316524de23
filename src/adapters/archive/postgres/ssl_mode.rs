//! `sslmode` of a database's URL: whether TLS is spoken, and what the server has to prove.

use std::error::Error as _;
use std::sync::Arc;

use rustls::client::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use tokio_postgres::config::SslMode as OnTheWire;
use tokio_postgres::error::SqlState;

use super::anybody::Anybody;
use crate::adapters::tls::{self, Trust};

const MISSING: &str = "server does not support TLS";

/// With the meaning it has for PostgreSQL's own clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server speaks it, whoever the server is.
    Prefer,
    /// TLS, whoever the server is.
    Require,
    /// TLS with a server whose certificate is of a trusted issuer, under whatever name.
    VerifyCa,
    /// TLS with a server whose certificate is of a trusted issuer and for the host of the URL.
    VerifyFull,
}

/// The URL without `sslmode`, and the mode.
///
/// # Errors
/// What is wrong with it, without anything of the URL that may be secret.
pub(super) fn split(url: &str) -> Result<(String, SslMode), String> {
    // A password may have a question mark.
    let after_password = url.find('@').unwrap_or(0);
    let Some(mark) = url[after_password..].find('?') else {
        return Ok((url.to_owned(), SslMode::Prefer));
    };
    let (base, query) = url.split_at(after_password + mark);
    let mut mode = None;
    let mut others = Vec::new();
    for parameter in query[1..].split('&') {
        match parameter.split_once('=') {
            Some(("sslmode", _)) if mode.is_some() => {
                return Err("database_url: sslmode is given twice; leave one of them".to_owned());
            }
            Some(("sslmode", name)) => mode = Some(SslMode::parse(name)?),
            Some((key @ ("sslrootcert" | "sslcert" | "sslkey"), _)) => return Err(no_file(key)),
            _ => others.push(parameter),
        }
    }
    let mut rest = base.to_owned();
    if !others.is_empty() {
        rest = format!("{base}?{}", others.join("&"));
    }
    Ok((rest, mode.unwrap_or(SslMode::Prefer)))
}

fn no_file(key: &str) -> String {
    let instead = if key == "sslrootcert" {
        "the issuers of the operating system are trusted, name others in tls_ca_file"
    } else {
        "the hub has no certificate of its own; let it log in with a password"
    };
    format!("database_url: {key} is not supported; {instead}")
}

impl SslMode {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                let possible = "disable, prefer, require, verify-ca, verify-full";
                return Err(format!("database_url: sslmode must be one of {possible}"));
            }
        })
    }

    /// What is agreed upon before the handshake.
    pub(super) fn on_the_wire(self) -> OnTheWire {
        match self {
            Self::Disable => OnTheWire::Disable,
            Self::Prefer => OnTheWire::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => OnTheWire::Require,
        }
    }

    /// How the server is looked at in the handshake.
    ///
    /// # Errors
    /// Nobody is trusted who could have issued its certificate.
    pub(super) fn client(self, trust: &Trust) -> Result<ClientConfig, String> {
        let verifier: Arc<dyn ServerCertVerifier> = match self {
            Self::Disable | Self::Prefer | Self::Require => Arc::new(Anybody(tls::provider())),
            Self::VerifyCa => Arc::new(AnyName(verifier(trust)?)),
            Self::VerifyFull => verifier(trust)?,
        };
        let client = tls::client().dangerous();
        Ok(client
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth())
    }
}

fn verifier(trust: &Trust) -> Result<Arc<WebPkiServerVerifier>, String> {
    let built = WebPkiServerVerifier::builder_with_provider(trust.roots(), tls::provider()).build();
    built.map_err(|error| {
        format!(
            "database_url: with this sslmode somebody has to be trusted: {error}; name the issuer \
             of the server's certificate in tls_ca_file"
        )
    })
}

/// Whether the server would rather be spoken to without TLS.
pub(super) fn is_refused(error: &tokio_postgres::Error) -> bool {
    let during_handshake = error.to_string() == "error performing TLS handshake";
    let by_its_rules = error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    during_handshake || by_its_rules
}

/// Whether the server speaks no TLS although it has to.
pub(super) fn is_missing(error: &tokio_postgres::Error) -> bool {
    error
        .source()
        .is_some_and(|source| source.to_string() == MISSING)
}

/// Takes the certificates of trusted issuers, whatever host they are for.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.0
                .verify_server_cert(certificate, intermediates, host, ocsp_response, now);
        match verified {
            // The name comes last: everything else is in order.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_taken_out_of_the_url() {
        let url = "postgresql://hub:a?b@db/hub";
        for (query, rest, mode) in [
            ("", "", SslMode::Prefer),
            ("?sslmode=disable", "", SslMode::Disable),
            ("?sslmode=prefer", "", SslMode::Prefer),
            ("?sslmode=require", "", SslMode::Require),
            ("?sslmode=verify-ca", "", SslMode::VerifyCa),
            ("?sslmode=verify-full", "", SslMode::VerifyFull),
            ("?a=b&sslmode=require&c=d", "?a=b&c=d", SslMode::Require),
            (
                "?application_name=sslmode",
                "?application_name=sslmode",
                SslMode::Prefer,
            ),
        ] {
            let expected = (format!("{url}{rest}"), mode);
            assert_eq!(split(&format!("{url}{query}")), Ok(expected), "{query}");
        }
        let without_password = "postgresql://db?sslmode=require";
        let rest = "postgresql://db".to_owned();
        assert_eq!(split(without_password), Ok((rest, SslMode::Require)));
    }

    #[test]
    fn other_modes_and_files_are_refused_with_what_is_possible() {
        for (parameter, advice) in [
            ("sslmode=allow", "verify-full"),
            ("sslmode=", "verify-full"),
            ("sslmode=REQUIRE", "require"),
            ("sslmode=require&sslmode=disable", "twice"),
            ("sslmode=require&a=b&sslmode=require", "twice"),
            ("sslrootcert=/etc/ca.pem", "tls_ca_file"),
            ("sslkey=/etc/key.pem", "password"),
        ] {
            let error = split(&format!("postgresql://hub:word@db/hub?{parameter}")).unwrap_err();
            assert!(error.starts_with("database_url: ssl"), "{error}");
            assert!(
                error.contains(advice) && !error.contains("word@"),
                "{error}"
            );
        }
    }
}
