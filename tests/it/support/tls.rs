//! Certificates, and Redis servers that show them.

use super::servers::Redis;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::fs;
use std::path::Path;

/// A certificate authority of a test's own.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM text.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for these names and addresses, which clients and servers may show.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| ())
    }

    /// As [`issue`](Self::issue), one that was valid for a day.
    pub fn issue_expired(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 2);
        })
    }

    /// As [`issue`](Self::issue), one that is not valid for a long time.
    pub fn issue_early(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |params| params.not_before = date_time_ymd(4001, 1, 1))
    }

    fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Issued { certificate, key: key.serialize_pem() }
    }
}

/// The options of a server that shows a certificate. Its files come into the folder.
pub fn shows(folder: &Path, shown: &Issued, trusted: &str, asks: bool) -> Vec<String> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let options = [
        ("--tls-cert-file", file("server.pem", &shown.certificate)),
        ("--tls-key-file", file("server.key", &shown.key)),
        ("--tls-ca-cert-file", file("ca.pem", trusted)),
        ("--tls-auth-clients", if asks { "yes" } else { "no" }.to_owned()),
    ];
    options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

/// A server that speaks TLS alone. With `clients`, it wants a certificate that this authority has issued.
pub fn tls_redis(shown: &Issued, clients: Option<&Authority>) -> Redis {
    Redis::start_where(|folder, port| {
        let trusted = clients.map_or(&shown.certificate, |authority| &authority.pem);
        let mut options = shows(folder, shown, trusted, clients.is_some());
        options.extend(["--port", "0", "--tls-port", &port.to_string()].map(str::to_owned));
        options
    })
}
