//! Asks a server for its certificates: a TLS handshake that verifies nothing, shows no certificate of its own and sends no
//! data. Judges nothing; servers that speak neither TLS 1.2 nor 1.3 end in a failure that says so.

mod failure;
mod recorder;
mod stream;

pub use failure::Failure;

use recorder::Recorder;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use stream::Timed;

/// Nobody waits longer for a handshake; also keeps the sum of an instant and a timeout in range.
const LONGEST: Duration = Duration::from_secs(600);

/// The certificates a server shows, as DER in the order and the bytes they were sent in.
///
/// Without a name none is sent (no SNI). `timeout` bounds the whole: connection, handshake, farewell.
pub fn certificates(
    address: SocketAddr,
    server_name: Option<&str>,
    timeout: Duration,
) -> Result<Vec<Vec<u8>>, Failure> {
    let timeout = timeout.clamp(Duration::from_millis(1), LONGEST);
    let deadline = Instant::now() + timeout;
    let name = match server_name {
        Some(name) => ServerName::try_from(name.to_owned()).map_err(|_| Failure::Name)?,
        None => ServerName::from(address.ip()),
    };
    let recorder = Arc::new(Recorder::default());
    let mut connection = ClientConnection::new(Arc::new(config(&recorder)?), name)?;
    let socket = TcpStream::connect_timeout(&address, timeout).map_err(Failure::Connection)?;
    let mut stream = Timed::new(socket, deadline);
    let ended = connection.complete_io(&mut stream);
    farewell(&mut connection, &mut stream);
    // A server that wants a client certificate shows its own before it refuses.
    recorder.chain().map_or_else(|| Err(Failure::of(ended)), Ok)
}

fn config(recorder: &Arc<Recorder>) -> Result<ClientConfig, Failure> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(recorder) as _)
        .with_no_client_auth();
    // A resumed session shows no certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Says that nothing more will come, where the server still listens; nothing waits for an answer.
fn farewell(connection: &mut ClientConnection, stream: &mut Timed) {
    connection.send_close_notify();
    while connection.wants_write() && connection.write_tls(stream).is_ok_and(|written| written > 0) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// What is said of a server that greets with these bytes and leaves.
    fn told(greeting: &'static [u8]) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut hello = [0; 5];
            std::io::Read::read_exact(&mut peer, &mut hello).unwrap();
            peer.write_all(greeting).unwrap();
            peer.shutdown(std::net::Shutdown::Write).unwrap();
            std::io::copy(&mut peer, &mut std::io::sink()).ok();
        });
        let failure = certificates(address, None, PATIENCE).unwrap_err().to_string();
        server.join().unwrap();
        failure
    }

    #[test]
    fn nobody_listens() {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        assert_eq!(certificates(address, None, PATIENCE).unwrap_err().to_string(), "connection refused");
    }

    #[test]
    fn a_server_that_is_silent_costs_no_more_than_the_timeout() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let start = Instant::now();
        let failure = certificates(listener.local_addr().unwrap(), None, Duration::from_millis(80)).unwrap_err();
        assert_eq!(failure.to_string(), "timed out");
        assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_server_that_leaves_showed_nothing() {
        assert_eq!(told(b""), "closed the connection before it showed a certificate");
    }

    #[test]
    fn plain_text_is_no_tls() {
        assert_eq!(told(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak TLS");
    }

    #[test]
    fn an_alert_is_named() {
        assert_eq!(told(b"\x15\x03\x03\x00\x02\x02\x70"), "refused the handshake: unrecognised name");
        assert_eq!(told(b"\x15\x03\x03\x00\x02\x02\x46"), "refused the handshake: protocol version");
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        assert!(matches!(certificates(address, Some("no name"), PATIENCE), Err(Failure::Name)));
    }
}
