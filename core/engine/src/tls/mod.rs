//! TLS handshakes as an onlooker sees them.
