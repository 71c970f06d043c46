//! Why a server lets no connection in: what it answers, or what the TLS handshake came to, in plain words.

/// What settings cause, and no waiting removes: the words that an error has, in whatever client's spelling, and what
/// it means. The first that fits counts.
const FAULTS: &[(&[&str], &str)] = &[
    (
        &["InvalidCertificate(Expired", "certificate expired:", "certificate expired"],
        "the certificate of the Redis server has expired: renew it, or set the clock of this machine",
    ),
    (
        &["NotValidYet", "certificate not valid yet"],
        "the certificate of the Redis server is not valid yet: set the clock of this machine, or renew it",
    ),
    (
        &["NotValidForName", "certificate not valid for name"],
        "the certificate of the Redis server is for another name than the URL's host: use a name or an address that \
         it lists",
    ),
    (
        &["UnknownIssuer"],
        "the certificate of the Redis server is from an issuer that is not trusted: give the issuer's certificate to \
         `RedisTls::root_certificates`",
    ),
    (
        &["CaUsedAsEndEntity"],
        "the certificate of the Redis server is that of a certificate authority: let it issue one for the server",
    ),
    (&["InvalidCertificate", "invalid peer certificate"], "the certificate of the Redis server is not valid"),
    (
        &["CertificateRequired"],
        "the Redis server asks for a certificate of its clients: give one with `RedisTls::client_certificate`, or set \
         `tls-auth-clients no` there",
    ),
    (
        &["AlertReceived(HandshakeFailure", "fatal alert: HandshakeFailure", "ProtocolVersion"],
        "the Redis server refuses the TLS handshake: it asks for a certificate (`RedisTls::client_certificate`), or \
         for a TLS older than 1.2",
    ),
    (
        &["AlertReceived(", "received fatal alert"],
        "the Redis server does not accept the certificate of `RedisTls::client_certificate`: one that its \
         `tls-ca-cert-file` has issued, and that has not expired, is needed",
    ),
    (
        &["InvalidContentType", "corrupt message"],
        "the Redis server does not speak TLS at this port: use its `tls-port`, or a `redis://` URL",
    ),
    (
        &["WRONGPASS"],
        "Redis refuses the user or the password of the URL. In a URL, special characters are percent-encoded",
    ),
    (
        &["without any password configured"],
        "Redis has no password for the user `default`, and the URL has one: take it out, or name another user",
    ),
    (&["NOAUTH"], "Redis asks for a password: put it into the URL, redis://user:password@host:port"),
    (&["DB index"], "Redis has no database of the number in the URL: see its setting `databases`"),
    (&["SELECT is not allowed"], "a Redis Cluster has no database but number 0: leave it out of the URL"),
    (&["NOPROTO"], "Redis does not speak RESP3: leave `RedisStoreBuilder::resp3` out"),
    (
        &["DENIED"],
        "Redis is in protected mode: give it a user and a password, or let it listen to this machine only",
    ),
];

/// What of the settings is wrong, if that is why a connection was refused with this error. Says nothing of the URL and
/// the texts of certificates.
pub(super) fn fault(details: &str) -> Option<String> {
    if details.starts_with("NOPERM") && is_about_a_command(details) {
        let command = details.split('\'').nth(1).unwrap_or("a command").to_uppercase();
        return Some(format!(
            "the Redis user may not run {command}, which it needs to connect: `ACL SETUSER`"
        ));
    }
    let fits = |(words, _): &&(&[&str], &str)| words.iter().any(|word| details.contains(word));
    FAULTS.iter().find(fits).map(|(_, meaning)| (*meaning).to_owned())
}

/// What may be wrong where a connection ends without a word, which an outage may do, too.
pub(super) fn hint(details: &str, is_tls: bool) -> &'static str {
    let is_silent = ["timed out", "no answer in time", "ConnectionReset", "reset by peer"]
        .iter()
        .any(|word| details.contains(word));
    match (is_silent, is_tls) {
        (true, false) => ". If the server speaks TLS at this port, the URL begins with `rediss://`",
        (true, true) => ". If the server does not speak TLS at this port, the URL begins with `redis://`",
        (false, _) => "",
    }
}

/// A server that refuses a key says so in other words.
pub(super) fn is_about_a_command(noperm: &str) -> bool {
    noperm.contains("command") && !is_about_a_key(noperm)
}

/// Versions of Redis, and their scripts, say it in different words.
pub(super) fn is_about_a_key(noperm: &str) -> bool {
    noperm.contains(" access ") && noperm.contains("key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_known_in_the_words_of_either_client() {
        let io = |error: &str| format!("Custom {{ kind: InvalidData, error: {error} }}");
        for (details, meaning) in [
            (io("InvalidCertificate(Expired)"), "has expired"),
            (io("InvalidCertificate(ExpiredContext { time: 1, not_after: 2 })"), "has expired"),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX)".into(),
                "has expired",
            ),
            (io("InvalidCertificate(NotValidForNameContext { expected: a, presented: [] })"), "another name"),
            ("invalid peer certificate: certificate not valid for name \"a\"".into(), "another name"),
            (io("InvalidCertificate(NotValidYetContext { time: 1, not_before: 2 })"), "not valid yet"),
            (io("InvalidCertificate(UnknownIssuer)"), "not trusted"),
            ("invalid peer certificate: UnknownIssuer".into(), "not trusted"),
            (io("InvalidCertificate(Other(OtherError(CaUsedAsEndEntity)))"), "of a certificate authority"),
            (io("InvalidCertificate(BadSignature)"), "is not valid"),
            (io("AlertReceived(CertificateRequired)"), "asks for a certificate of its clients"),
            ("received fatal alert: CertificateRequired".into(), "asks for a certificate of its clients"),
            (io("AlertReceived(UnknownCA)"), "does not accept the certificate"),
            (io("AlertReceived(HandshakeFailure)"), "refuses the TLS handshake"),
            (io("InvalidMessage(InvalidContentType)"), "does not speak TLS"),
            ("WRONGPASS invalid username-password pair or user is disabled.".into(), "percent-encoded"),
            ("NOAUTH Authentication required.".into(), "asks for a password"),
            (
                "ERR AUTH <password> called without any password configured for the default user.".into(),
                "take it out",
            ),
            ("ERR DB index is out of range".into(), "database of the number"),
            ("NOPERM this user has no permissions to run the 'select' command".into(), "may not run SELECT,"),
            ("NOPERM User shop has no permissions to run the 'ping' command".into(), "may not run PING,"),
        ] {
            let found = fault(&details).unwrap_or_default();
            assert!(found.contains(meaning), "{details}: {found}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_no_fault_of_the_settings() {
        for details in [
            "Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }",
            "Request timed out.",
            "LOADING Redis is loading the dataset in memory",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "ERR max number of clients reached",
            "CLUSTERDOWN The cluster is down",
            "NOPERM No permissions to access a key",
            "Custom { kind: UnexpectedEof, error: \"tls handshake eof\" }",
        ] {
            assert_eq!(fault(details), None, "{details}");
        }
    }

    #[test]
    fn a_refused_key_is_told_from_a_refused_command() {
        for key in [
            "NOPERM No permissions to access a key",
            "NOPERM this user has no permissions to access one of the keys used as arguments",
            "NOPERM User shop has no permissions to access the 'a' key",
            "The user executing the script can't access at least one of the keys mentioned in the command arguments",
        ] {
            assert!(is_about_a_key(key) && !is_about_a_command(key), "{key}");
        }
        for command in [
            "NOPERM this user has no permissions to run the 'get' command",
            "NOPERM User shop has no permissions to run the 'get' command",
            "NOPERM this user has no permissions to run the 'get' command or its subcommand",
        ] {
            assert!(is_about_a_command(command) && !is_about_a_key(command), "{command}");
        }
    }
}
