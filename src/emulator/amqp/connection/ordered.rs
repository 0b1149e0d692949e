//! What whoever runs the hub wants of a connection's links and tokens.

use super::Connection;
use crate::emulator::amqp::effect::LinkKey;
use crate::emulator::amqp::outlet::Supply;
use crate::emulator::amqp::session::{Topic, Use};
use crate::emulator::connections::{LinkKind, Links};
use crate::emulator::hub::command::ListenerId;

/// What the peer is told of a link that is detached on purpose.
const ON_PURPOSE: &str = "The link was detached on purpose.";

impl Connection {
    /// Every token that was shown has ended.
    pub(in crate::emulator::amqp) fn end_tokens(&mut self) {
        if self.access.expire(i64::MAX) {
            self.detach_unopened();
        }
    }

    /// Tokens end so many seconds sooner than it was said.
    pub(in crate::emulator::amqp) fn shorten_tokens(&mut self, seconds: i64) {
        self.access.shorten(seconds);
    }

    /// Whose session it is.
    pub(in crate::emulator::amqp) fn device_of(&self, session: ListenerId) -> Option<&str> {
        self.guests.device(session)
    }

    /// Whose link it is.
    pub(in crate::emulator::amqp) fn device_at(&self, key: LinkKey) -> Option<&str> {
        let link = self.sessions.get(&key.channel)?.links.get(&key.handle)?;
        self.device_of(session_of(&link.usage)?)
    }

    /// Detaches these links; how many.
    pub(in crate::emulator::amqp) fn detach_links(
        &mut self,
        links: &Links,
        condition: &str,
    ) -> usize {
        let mut meant = Vec::new();
        for (&channel, session) in &self.sessions {
            for (&handle, link) in &session.links {
                let device =
                    session_of(&link.usage).and_then(|session| self.guests.device(session));
                if let Some((kind, partition)) = kind_of(&link.usage)
                    && links.hold(kind, device, partition)
                {
                    meant.push(LinkKey { channel, handle });
                }
            }
        }
        for key in &meant {
            self.detach_for(*key, condition, ON_PURPOSE);
        }
        meant.len()
    }

    /// Detaches a link that a fault has struck.
    pub(in crate::emulator::amqp) fn strike_link(&mut self, key: LinkKey, condition: &str) {
        self.detach_for(key, condition, ON_PURPOSE);
    }
}

/// The session of the device or module that a link belongs to.
fn session_of(usage: &Use) -> Option<ListenerId> {
    match usage {
        Use::Events(session, _) => Some(*session),
        Use::Orders(line, _) | Use::Told(line, _) => Some(line.session),
        Use::Outlet(outlet) if outlet.supply() == Supply::Messages => outlet.listener(),
        Use::Outlet(_)
        | Use::Requests(..)
        | Use::Replies(..)
        | Use::Opening(..)
        | Use::Reader(_)
        | Use::Messages(_)
        | Use::Knocking(_)
        | Use::Detached => None,
    }
}

/// What a link is for, and for a reader's also the partition.
fn kind_of(usage: &Use) -> Option<(LinkKind, Option<&str>)> {
    let of = |topic: Topic| match topic {
        Topic::Twin => LinkKind::Twin,
        Topic::Methods => LinkKind::Methods,
    };
    Some(match usage {
        Use::Reader(reader) => (LinkKind::Reader, Some(reader.partition())),
        Use::Events(..) => (LinkKind::Events, None),
        Use::Orders(line, _) | Use::Told(line, _) => (of(line.topic), None),
        Use::Messages(_) => (LinkKind::Service, None),
        Use::Outlet(outlet) if outlet.supply() == Supply::Messages => (LinkKind::Messages, None),
        Use::Outlet(_) => (LinkKind::Feedback, None),
        Use::Requests(..)
        | Use::Replies(..)
        | Use::Opening(..)
        | Use::Knocking(_)
        | Use::Detached => return None,
    })
}
