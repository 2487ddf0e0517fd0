//! What a TLS 1.3 client did after the server's flight, from the lengths of its encrypted records alone:
//! refused, finished, showed a certificate, carried on. Order between the sides is `modern.rs`'s business.

use super::facts::ClientCertificate;
use super::opened::Told;
use super::suite::{Padding, Suite};

/// Records among which Finished must stand: a certificate in two, its proof, Finished.
const FLIGHT_RECORDS: u8 = 4;
/// No certificate with its message and tag is shorter; a smaller unknown record says nothing.
const SMALLEST_CERTIFICATE: u16 = 160;
/// From a client whose padding is not known: it does not send so many records after a refusal.
const EVIDENT_RECORDS: u8 = 3;

/// How far the client came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Early data may be under way; its end has not been seen. `passed`: records went by that may be more than that.
    Early { passed: bool },
    /// Nothing since the server's flight.
    Waiting,
    /// An empty Certificate was sent; Finished is next.
    EmptyCertificate,
    /// A client certificate was sent and Finished not yet recognised. `data`: a later record is longer than an alert.
    Certificate { records: u8, data: bool },
    /// Finished was sent. `ended`: and then what looks like an alert.
    Finished { padding: Padding, ended: bool },
    /// Application data followed.
    CarriedOn,
    /// An alert came in place of Finished.
    Refused,
    /// The sizes are those of no known client; `data` counts the records that are no alerts.
    Unreadable { data: u8 },
}

/// The procedure for one client.
#[derive(Debug)]
pub(super) struct ClientTail {
    suite: Option<Suite>,
    stage: Stage,
    early: bool,
    resumed: bool,
    certificate: ClientCertificate,
    requested: Option<bool>,
}

impl ClientTail {
    /// `early`: the client may have sent early data. `resumed`: no certificates are exchanged.
    pub(super) fn new(suite: Option<Suite>, early: bool, resumed: bool) -> Self {
        let stage = if early { Stage::Early { passed: false } } else { Stage::Waiting };
        Self { suite, stage, early, resumed, certificate: ClientCertificate::Unknown, requested: None }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether the client has answered the server's flight.
    pub(super) fn begun(&self) -> bool {
        !matches!(self.stage, Stage::Early { .. } | Stage::Waiting)
    }

    /// Whether the client's Finished has passed, or must have.
    pub(super) fn finished(&self) -> bool {
        matches!(self.stage, Stage::Finished { .. } | Stage::CarriedOn)
    }

    pub(super) fn certificate(&self) -> ClientCertificate {
        self.certificate
    }

    /// Whether the server asked for a certificate, as the client's answer tells.
    pub(super) fn requested(&self) -> Option<bool> {
        self.requested
    }

    /// One encrypted record of the client, after the server's hello.
    pub(super) fn record(&mut self, length: u16) {
        let Some(suite) = self.suite else {
            self.stage = self.unreadable(self.stage, length > Self::LONGEST_ALERT);
            return;
        };
        self.stage = match self.stage {
            Stage::Early { .. } | Stage::Waiting => self.opening(suite, length),
            Stage::EmptyCertificate => match suite.finished(length) {
                Some(padding) => Stage::Finished { padding, ended: false },
                None => self.unreadable(Stage::Waiting, suite.alert(length).is_none()),
            },
            Stage::Certificate { records, data } => Self::within_flight(suite, length, records, data),
            Stage::Finished { padding, .. } if suite.alert(length) == Some(padding) => {
                Stage::Finished { padding, ended: true }
            }
            Stage::Finished { .. } | Stage::CarriedOn => Stage::CarriedOn,
            Stage::Refused => Stage::Refused,
            stage @ Stage::Unreadable { .. } => self.unreadable(stage, suite.alert(length).is_none()),
        };
    }

    /// The same for a record that was opened: its content tells, its length only whether it is padded.
    pub(super) fn opened(&mut self, told: &Told, length: u16) {
        self.early = false;
        if let Some(sent) = told.certificate {
            self.certificate = if sent { ClientCertificate::Sent } else { ClientCertificate::None };
            self.requested = Some(true);
        }
        if told.finished && told.whole && !self.resumed && self.certificate == ClientCertificate::Unknown {
            self.certificate = ClientCertificate::None;
            self.requested = Some(false);
        }
        let padding = self.suite.and_then(|suite| suite.finished(length)).unwrap_or(Padding::None);
        self.stage = match self.stage {
            _ if told.finished => Stage::Finished { padding, ended: false },
            Stage::Finished { padding, .. } if told.alert.is_some() => Stage::Finished { padding, ended: true },
            _ if told.data => Stage::CarriedOn,
            Stage::Early { .. } | Stage::Waiting if told.certificate == Some(true) => {
                Stage::Certificate { records: 1, data: false }
            }
            Stage::Early { .. } | Stage::Waiting if told.certificate == Some(false) => Stage::EmptyCertificate,
            stage => stage,
        };
    }

    /// The server goes on, so it has the client's Finished: where that stood in no record of its own, it was in the first.
    pub(super) fn answered(&mut self) {
        if let Stage::Certificate { data, .. } = self.stage {
            let finished = Stage::Finished { padding: Padding::None, ended: false };
            self.stage = if data { Stage::CarriedOn } else { finished };
        }
    }

    /// The rest of what the client says is lost: how a flight under way goes on is not known, whatever the server does.
    pub(super) fn lose(&mut self) {
        if matches!(self.stage, Stage::Certificate { .. } | Stage::EmptyCertificate) {
            self.stage = Stage::Unreadable { data: 0 };
        }
    }

    /// The client has left: a flight of one record was all that it said.
    pub(super) fn end(&mut self) {
        if let Stage::Certificate { data: false, .. } = self.stage {
            self.stage = Stage::Finished { padding: Padding::None, ended: true };
        }
    }

    /// With a suite that is not known: the longest alert of those that are.
    const LONGEST_ALERT: u16 = 35;

    fn opening(&mut self, suite: Suite, length: u16) -> Stage {
        // RFC 8446 4.2.10: only a resumed session has early data accepted, and so ended.
        if self.early && self.resumed && suite.end_of_early_data(length) {
            self.early = false;
            return Stage::Waiting;
        }
        if suite.alert(length).is_some() {
            return Stage::Refused;
        }
        if let Some(padding) = suite.finished(length) {
            self.without_certificate(false);
            return Stage::Finished { padding, ended: false };
        }
        if suite.empty_certificate(length).is_some() {
            self.without_certificate(true);
            return Stage::EmptyCertificate;
        }
        if let Some(padding) = suite.empty_certificate_and_finished(length) {
            self.without_certificate(true);
            return Stage::Finished { padding, ended: false };
        }
        self.other_opening(length)
    }

    fn other_opening(&mut self, length: u16) -> Stage {
        if self.early {
            return Stage::Early { passed: true };
        }
        if self.resumed || length < SMALLEST_CERTIFICATE {
            return Stage::Unreadable { data: 1 };
        }
        self.certificate = ClientCertificate::Sent;
        self.requested = Some(true);
        Stage::Certificate { records: 1, data: false }
    }

    fn without_certificate(&mut self, requested: bool) {
        let hidden = self.resumed || self.stage == Stage::Early { passed: true };
        if !hidden {
            self.certificate = ClientCertificate::None;
            self.requested = Some(requested);
        }
    }

    fn within_flight(suite: Suite, length: u16, records: u8, data: bool) -> Stage {
        match suite.finished(length) {
            Some(padding) if records < FLIGHT_RECORDS => Stage::Finished { padding, ended: false },
            _ => {
                let data = data || suite.alert(length).is_none();
                Stage::Certificate { records: records.saturating_add(1), data }
            }
        }
    }

    fn unreadable(&self, stage: Stage, is_data: bool) -> Stage {
        let before = if let Stage::Unreadable { data } = stage { data } else { 0 };
        let data = before.saturating_add(u8::from(is_data));
        // Rejected early data is not told from what follows it.
        if data >= EVIDENT_RECORDS && !self.early { Stage::CarriedOn } else { Stage::Unreadable { data } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AES128: u16 = 0x1301;
    const AES256: u16 = 0x1302;

    fn feed(tail: &mut ClientTail, lengths: &[u16]) {
        for length in lengths {
            tail.record(*length);
        }
    }

    fn tail(cipher: u16, lengths: &[u16]) -> ClientTail {
        let mut tail = ClientTail::new(Suite::of(cipher), false, false);
        feed(&mut tail, lengths);
        tail
    }

    #[test]
    fn an_alert_in_place_of_finished_is_a_refusal() {
        for (cipher, length) in [(AES128, 19), (AES128, 35), (AES256, 19), (0x1305, 11)] {
            assert_eq!(tail(cipher, &[length]).stage(), Stage::Refused);
        }
    }

    #[test]
    fn finished_alone_is_not_carried_on() {
        let finished = tail(AES128, &[53]);
        assert_eq!(finished.stage(), Stage::Finished { padding: Padding::None, ended: false });
        assert_eq!((finished.certificate(), finished.requested()), (ClientCertificate::None, Some(false)));
    }

    #[test]
    fn an_alert_after_finished_is_an_end_and_data_is_not() {
        assert_eq!(tail(AES128, &[53, 19]).stage(), Stage::Finished { padding: Padding::None, ended: true });
        assert_eq!(tail(AES128, &[53, 35]).stage(), Stage::CarriedOn);
        assert_eq!(tail(AES128, &[69, 35]).stage(), Stage::Finished { padding: Padding::Jsse, ended: true });
        assert_eq!(tail(AES256, &[69, 97]).stage(), Stage::CarriedOn);
    }

    #[test]
    fn asked_and_none_sent_is_seen_alone_and_with_finished() {
        for lengths in [&[25u16, 53, 41][..], &[61, 41], &[41, 69, 99]] {
            let tail = tail(AES128, lengths);
            assert_eq!(tail.stage(), Stage::CarriedOn);
            assert_eq!((tail.certificate(), tail.requested()), (ClientCertificate::None, Some(true)));
        }
    }

    #[test]
    fn a_certificate_is_seen_in_three_records_and_in_one() {
        for lengths in [&[846u16, 281, 53, 81][..], &[803, 81]] {
            let mut tail = tail(AES128, lengths);
            tail.answered();
            assert_eq!((tail.stage(), tail.certificate()), (Stage::CarriedOn, ClientCertificate::Sent));
        }
    }

    #[test]
    fn a_flight_in_one_record_that_ends_there_has_no_data() {
        for lengths in [&[803u16][..], &[803, 19]] {
            let mut tail = tail(AES128, lengths);
            assert!(!tail.finished());
            tail.end();
            assert_eq!(tail.stage(), Stage::Finished { padding: Padding::None, ended: true });
        }
    }

    #[test]
    fn a_certificate_and_its_proof_are_no_data() {
        let mut tail = tail(AES128, &[846, 281]);
        tail.end();
        assert!(!tail.finished());
    }

    #[test]
    fn a_flight_whose_end_is_lost_is_not_made_whole_by_the_servers_answer() {
        let mut tail = tail(AES128, &[846, 281]);
        tail.lose();
        tail.answered();
        tail.end();
        assert!(!tail.finished());
        assert_eq!(tail.certificate(), ClientCertificate::Sent);
    }

    #[test]
    fn early_data_is_passed_over_up_to_its_end() {
        let mut tail = ClientTail::new(Suite::of(AES128), true, true);
        feed(&mut tail, &[1200, 300, 21]);
        assert!(!tail.begun());
        tail.record(53);
        tail.record(70);
        assert_eq!((tail.stage(), tail.certificate()), (Stage::CarriedOn, ClientCertificate::Unknown));
    }

    #[test]
    fn early_data_without_an_end_proves_nothing() {
        let mut tail = ClientTail::new(Suite::of(AES128), true, false);
        feed(&mut tail, &[1200, 300, 90, 90, 90]);
        assert!(!tail.begun());
    }

    #[test]
    fn what_may_be_early_data_may_be_a_certificate() {
        let mut tail = ClientTail::new(Suite::of(AES128), true, false);
        feed(&mut tail, &[846, 281, 53, 90]);
        assert_eq!((tail.stage(), tail.certificate()), (Stage::CarriedOn, ClientCertificate::Unknown));
    }

    #[test]
    fn unknown_sizes_prove_something_only_by_their_number() {
        assert_eq!(tail(AES128, &[90, 19]).stage(), Stage::Unreadable { data: 1 });
        assert_eq!(tail(AES128, &[90, 91, 92]).stage(), Stage::CarriedOn);
        assert_eq!(tail(0x13ff, &[30, 30, 30]).stage(), Stage::Unreadable { data: 0 });
    }
}
