//! Who a client says it is, and what it is told.
//!
//! Codes: the service's own are known from traces (5 for a bad token); the C SDK takes 2, 4 and 5 alike for credentials that
//! are not good.

use std::time::Duration;

use super::messages::Held;
use super::{Client, Connection, Phase};
use crate::emulator::hub::command::{Credential, ListenerId, PlugAndPlay, Refusal, Reply};
use crate::emulator::mqtt::effect::{Effect, Opening};
use crate::emulator::mqtt::event;
use crate::emulator::mqtt::subscriptions::Subscriptions;
use crate::protocol::mqtt::packet::{ConnAck, Connect, ConnectReturnCode, Packet, QoS};
use crate::protocol::mqtt::topic::Filter;
use crate::protocol::mqtt::user_name::{self, UserName};

impl Connection {
    /// The first packet: who is there?
    pub(super) fn greet(&mut self, packet: Packet) {
        let Packet::Connect(connect) = packet else {
            return self.end("the first packet is no CONNECT");
        };
        let (user, credential) = match self.introduce(&connect) {
            Ok(introduced) => introduced,
            Err((code, why)) => return self.turn_away(code, why),
        };
        let identity = user.identity;
        let model = user.model.as_deref().and_then(PlugAndPlay::model_of);
        let will = match connect.last_will {
            None => None,
            Some(will) if will.qos == QoS::ExactlyOnce => {
                return self.end("the CONNECT's will has QoS 2");
            }
            Some(will) => match event::will(&identity, will, model.as_ref()) {
                Some(message) => Some(Box::new(message)),
                None => {
                    return self.end("the CONNECT's will goes to no topic of the device's events");
                }
            },
        };
        let limit = self.options.limits.silence;
        let silence = match connect.keep_alive {
            0 => limit,
            seconds => limit.min(Duration::from_secs(seconds.into()) * 3 / 2),
        };
        self.effects.push_back(Effect::Open(Opening {
            identity: identity.clone(),
            credential,
            starts_anew: connect.clean_session,
        }));
        self.phase = Phase::Knocking(Box::new(Client {
            identity,
            model,
            is_remembered: !connect.clean_session,
            subscriptions: Subscriptions::default(),
            silence,
            expires: None,
            will,
            held: Held::default(),
        }));
    }

    /// Who a CONNECT speaks for, and what proves it: the token that it brings, or else the connection's certificate.
    fn introduce(
        &self,
        connect: &Connect,
    ) -> Result<(UserName, Credential), (ConnectReturnCode, &'static str)> {
        use ConnectReturnCode::{BadClientId, BadUserNamePassword, NotAuthorized};
        let identity = user_name::parse_client_id(&connect.client_id)
            .ok_or((BadClientId, "the client id is no device's or module's"))?;
        let login = connect.login.as_ref();
        let login = login.ok_or((BadUserNamePassword, "there is no user name"))?;
        let user = UserName::parse(&login.username)
            .ok_or((BadUserNamePassword, "the user name is not HUB/DEVICE/?…"))?;
        if !self.is_called(&user.host) {
            return Err((BadUserNamePassword, "the user name names another hub"));
        }
        if user.identity != identity {
            return Err((BadClientId, "client id and user name differ"));
        }
        let credential = if login.password.is_empty() {
            let certificate = self.certificate.clone();
            certificate.map(Credential::Certificate)
        } else {
            Some(Credential::token(login.password.as_str()))
        };
        Ok((
            user,
            credential.ok_or((
                NotAuthorized,
                "there is neither a password nor a certificate",
            ))?,
        ))
    }

    /// Whether the hub has that name. A port behind it, which Azure's never has, does no harm.
    fn is_called(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let mut names = self.options.hosts.iter();
        names.any(|known| known.eq_ignore_ascii_case(name))
    }

    /// What the hub says to who knocked, under which number it is in, and what was known of it.
    pub(in crate::emulator::mqtt) fn opened(
        &mut self,
        answer: Result<(ListenerId, Reply), Refusal>,
        known: Option<Subscriptions>,
    ) {
        let Phase::Knocking(mut client) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return;
        };
        let (session, expires) = match answer {
            Ok((session, Reply::Session { expires })) => (session, expires),
            Err(refusal) if refusal.code.http_status() != 503 => {
                return self.turn_away(ConnectReturnCode::NotAuthorized, &refusal.message);
            }
            Ok(_) | Err(_) => {
                let why = "the hub is not available";
                return self.turn_away(ConnectReturnCode::ServiceUnavailable, why);
            }
        };
        client.expires = expires;
        client.subscriptions = known.unwrap_or_default();
        if client.is_remembered && known.is_none() {
            let nothing = Subscriptions::default();
            let remember = Effect::Remember(client.identity.clone(), nothing);
            self.effects.push_back(remember);
        }
        let subscriptions = client.subscriptions;
        self.phase = Phase::Open(client, session);
        self.hear();
        let welcome = ConnAck::new(ConnectReturnCode::Success, known.is_some());
        self.send(&Packet::ConnAck(welcome));
        let mut filters = Filter::ALL.to_vec();
        filters.retain(|filter| subscriptions.has(*filter));
        self.listen(session, &filters, true, None);
        self.ask_for_messages();
    }

    /// Says why not, and ends it.
    pub(super) fn turn_away(&mut self, code: ConnectReturnCode, why: &str) {
        self.send(&Packet::ConnAck(ConnAck::new(code, false)));
        self.end(format!("CONNECT is refused ({code:?}): {why}"));
    }
}
