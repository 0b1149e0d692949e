//! From the first byte to an open session, and the ways back.

use std::time::Duration;

use super::{Connection, Phase};
use crate::emulator::amqp::effect::{LinkKey, Origin};
use crate::emulator::amqp::sasl::{self, Choice};
use crate::emulator::amqp::session::Session;
use crate::emulator::hub::command::{Refusal, Reply};
use crate::model::secret::Secret;
use crate::protocol::amqp::frame::ProtocolHeader;
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::amqp::performative::sasl::{SASL_AUTH, SASL_OK};
use crate::protocol::amqp::performative::{
    AmqpError, Begin, Close, End, Open, Performative, SaslInit,
};

/// A condition of the standard that only servers send.
const HANDLE_IN_USE: &str = "amqp:session:handle-in-use";

impl Connection {
    /// Takes a protocol header. Whoever speaks another protocol, or another version, is told ours and left.
    pub(super) fn read_header(&mut self, input: &[u8]) -> usize {
        let header = match ProtocolHeader::parse(input) {
            Ok(Some(header)) => header,
            Ok(None) => return 0,
            Err(_) => ProtocolHeader::Tls,
        };
        self.heard = self.now.elapsed;
        match (self.phase, header) {
            (Phase::Start, ProtocolHeader::Sasl) => {
                self.out.header(ProtocolHeader::Sasl);
                self.out.sasl(&sasl::offer());
                self.phase = Phase::Mechanism;
            }
            // Without a security layer the peer has its certificate, or shows its token on `$cbs` all the same.
            (_, ProtocolHeader::Amqp) => {
                self.out.header(ProtocolHeader::Amqp);
                self.phase = Phase::Greeted;
            }
            (Phase::Start, _) => {
                self.out.header(ProtocolHeader::Sasl);
                self.phase = Phase::Closed;
            }
            (_, ProtocolHeader::Sasl | ProtocolHeader::Tls) => {
                self.out.header(ProtocolHeader::Amqp);
                self.phase = Phase::Closed;
            }
        }
        if self.phase == Phase::Closed {
            "another protocol than AMQP 1.0 is spoken".clone_into(&mut self.end);
            input.len()
        } else {
            ProtocolHeader::LENGTH
        }
    }

    pub(super) fn choose_mechanism(&mut self, init: &SaslInit<'_>) {
        match sasl::choose(init, self.access.has_certificate()) {
            Choice::Welcome => self.end_sasl(SASL_OK),
            Choice::Ask(shown, command) => {
                self.phase = Phase::Login;
                self.ask(Origin::Login(shown), command);
            }
            Choice::Refuse(code) => self.end_sasl(code),
        }
    }

    pub(super) fn logged_in(&mut self, shown: Secret, answer: Result<Reply, Refusal>) {
        if self.phase != Phase::Login {
            return;
        }
        if let Ok(Reply::Granted(grant)) = answer {
            self.has_proven_itself = true;
            self.access.add(grant, shown, self.options.limits.tokens);
            self.end_sasl(SASL_OK);
        } else {
            if let Err(refusal) = answer {
                self.end = refusal.message;
            }
            self.end_sasl(SASL_AUTH);
        }
    }

    fn end_sasl(&mut self, code: u8) {
        self.out.sasl(&sasl::outcome(code));
        self.phase = if code == SASL_OK {
            Phase::Secured
        } else {
            self.end = format!("SASL is refused ({code}) {}", self.end);
            Phase::Closed
        };
    }

    pub(super) fn open(&mut self, open: &Open<'_>) {
        let size = open.max_frame_size.unwrap_or(u32::MAX);
        let size = size.min(self.options.limits.max_frame_size);
        self.out
            .set_max_frame_size(usize::try_from(size).unwrap_or(usize::MAX));
        self.peer_patience = open
            .idle_time_out
            .filter(|ms| *ms > 0)
            .map(|ms| Duration::from_millis(ms.into()));
        open.hostname.unwrap_or_default().clone_into(&mut self.host);
        self.send_open();
        self.phase = Phase::Open;
    }

    fn send_open(&mut self) {
        let limits = &self.options.limits;
        let open = Open {
            container_id: &self.options.container_id,
            hostname: Some("localhost"),
            max_frame_size: Some(limits.max_frame_size),
            channel_max: Some(limits.channel_max),
            idle_time_out: u32::try_from(limits.idle_time_out.as_millis()).ok(),
            ..Open::default()
        };
        self.out.send(0, &Performative::Open(open));
    }

    /// Ends the connection as the peer wishes.
    pub(super) fn close(&mut self) {
        "the client has closed it".clone_into(&mut self.end);
        self.out.send(0, &Performative::Close(Close::default()));
        self.leave();
    }

    /// Ends the connection for a reason of this side's.
    pub(super) fn fail(&mut self, condition: &str, description: &str) {
        if self.phase == Phase::Greeted {
            // A close may only follow an open.
            self.send_open();
        }
        if matches!(self.phase, Phase::Greeted | Phase::Open) {
            let error = Some(AmqpError::new(condition, description));
            self.out.send(0, &Performative::Close(Close { error }));
        }
        self.end = format!("{condition}: {description}");
        self.leave();
    }

    fn leave(&mut self) {
        self.phase = Phase::Closed;
        while let Some((channel, session)) = self.sessions.pop_first() {
            self.release_all(channel, session);
        }
    }

    fn release_all(&mut self, channel: u16, session: Session) {
        for (handle, link) in session.links {
            self.release(LinkKey { channel, handle }, &link.usage);
        }
    }

    pub(super) fn begin(&mut self, channel: u16, begin: &Begin<'_>) {
        let limits = &self.options.limits;
        if channel > limits.channel_max || self.sessions.contains_key(&channel) {
            return self.fail(condition::FRAMING_ERROR, "channel out of range or in use");
        }
        let reply = Session::begin(channel, limits.handle_max);
        self.out.send(channel, &Performative::Begin(reply));
        self.ended.remove(&channel);
        self.sessions.insert(channel, Session::new(begin));
    }

    /// Ends a session as the peer wishes.
    pub(super) fn end(&mut self, channel: u16) {
        self.end_session(channel, None);
    }

    /// Ends a session whose peer has broken a rule.
    pub(super) fn abort_session(&mut self, channel: u16, condition: &str, description: &str) {
        self.end_session(channel, Some(AmqpError::new(condition, description)));
    }

    /// Ends a session because two links have one number.
    pub(super) fn handle_in_use(&mut self, channel: u16) {
        self.abort_session(channel, HANDLE_IN_USE, "the handle is in use");
    }

    fn end_session(&mut self, channel: u16, error: Option<AmqpError<'_>>) {
        self.out.send(channel, &Performative::End(End { error }));
        self.ended.insert(channel);
        if let Some(session) = self.sessions.remove(&channel) {
            self.release_all(channel, session);
        }
    }
}
