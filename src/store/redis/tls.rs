//! TLS to a Redis server: whom a store trusts, and who it says it is.

use crate::store::{StoreError, StoreErrorKind};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Whom a store trusts on a `rediss://` URL, and the certificate it shows. All of it is PEM text; it is read when
/// the store [connects](super::RedisStoreBuilder::connect).
///
/// By default the certificate authorities of the system are trusted, and no certificate is shown. The server's
/// certificate is always verified, with its dates and its name: there is no way to turn that off.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use sea_orm_autocache::{RedisStore, RedisTls};
///
/// let tls = RedisTls::new()
///     .root_certificates(std::fs::read("/etc/redis/ca.pem")?)
///     .client_certificate(std::fs::read("/etc/shop/shop.pem")?, std::fs::read("/etc/shop/shop.key")?);
/// let store = RedisStore::builder("rediss://cache.internal:6379").tls(tls).connect().await?;
/// # let _ = store; Ok(()) }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct RedisTls {
    roots: Vec<Vec<u8>>,
    client: Option<Identity>,
}

#[derive(Clone)]
struct Identity {
    chain: Vec<u8>,
    key: Vec<u8>,
}

/// A [`RedisTls`] that has been read.
#[derive(Clone)]
pub(super) struct TlsSettings(pub(super) Arc<ClientConfig>);

impl RedisTls {
    /// Trusts the certificate authorities of the system, and shows no certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these certificate authorities **instead of** those of the system. One PEM text may hold many
    /// certificates, and further calls add to them.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Shows this certificate to a server that asks for one (`tls-auth-clients`). `certificates` begins with it; those
    /// of intermediate authorities follow. `private_key` is its key, not encrypted.
    pub fn client_certificate(
        mut self,
        certificates: impl Into<Vec<u8>>,
        private_key: impl Into<Vec<u8>>,
    ) -> Self {
        self.client = Some(Identity { chain: certificates.into(), key: private_key.into() });
        self
    }

    /// The settings, read, in the form of rustls. They name their cryptography: a program with two kinds of it built in has
    /// no default, and rustls would panic.
    ///
    /// # Errors
    /// A text is no PEM, or holds nothing of what it should; the key is another certificate's.
    pub(super) fn read(&self) -> Result<TlsSettings, StoreError> {
        self.client_config().map(|config| TlsSettings(Arc::new(config)))
    }

    fn client_config(&self) -> Result<ClientConfig, StoreError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(self.trusted()?);
        let Some(Identity { chain, key }) = &self.client else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates(chain, "`RedisTls::client_certificate`")?;
        // An error of the parser may quote what it has read.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            let message = "the private key of `RedisTls::client_certificate` cannot be read: it is to be PEM text with \
                           a section such as `BEGIN PRIVATE KEY`, and not encrypted";
            wrong(message.to_owned())
        })?;
        builder.with_client_auth_cert(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => wrong(
                "the private key of `RedisTls::client_certificate` is not that of its certificate".to_owned(),
            ),
            error => wrong(format!("`RedisTls::client_certificate` cannot be used: {error}")),
        })
    }

    fn trusted(&self) -> Result<RootCertStore, StoreError> {
        let mut trusted = RootCertStore::empty();
        if self.roots.is_empty() {
            let system = rustls_native_certs::load_native_certs();
            trusted.add_parsable_certificates(system.certs);
            if trusted.is_empty() {
                let message = "this system has no certificate authorities to trust: install its package of them, or \
                               give `RedisTls::root_certificates`";
                return Err(wrong(message.to_owned()));
            }
        }
        for pem in &self.roots {
            for certificate in certificates(pem, "`RedisTls::root_certificates`")? {
                trusted.add(certificate).map_err(|error| {
                    wrong(format!("a certificate of `RedisTls::root_certificates` cannot be used: {error}"))
                })?;
            }
        }
        Ok(trusted)
    }
}

impl std::fmt::Debug for RedisTls {
    /// Leaves the texts out: one of them is a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisTls")
            .field("root_certificates", &self.roots.len())
            .field("client_certificate", &self.client.is_some())
            .finish()
    }
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings").finish_non_exhaustive()
    }
}

/// All certificates of a text, at least one.
fn certificates(pem: &[u8], of: &str) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => {
            Err(wrong(format!("{of} holds no certificate: PEM text with `BEGIN CERTIFICATE` is expected")))
        }
        Err(_) => Err(wrong(format!("{of} is no PEM text, or damaged"))),
    }
}

fn wrong(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Config, message)
}
