//! What happens because time passes: keep-alives, silence, tokens that end.

use std::time::Duration;

use super::{Connection, Phase};
use crate::emulator::amqp::effect::LinkKey;
use crate::emulator::amqp::refusal::Objection;
use crate::emulator::moment::Moment;
use crate::protocol::amqp::performative::error::condition;

impl Connection {
    /// Tells the time; does what is due by then.
    pub(in crate::emulator::amqp) fn tick(&mut self, now: Moment) {
        self.now = now;
        if self.phase == Phase::Closed {
            return;
        }
        let limits = &self.options.limits;
        if now.elapsed >= self.heard + limits.idle_time_out {
            let text = "The connection was inactive for longer than the idle time-out.";
            return self.fail(condition::CONNECTION_FORCED, text);
        }
        if !self.has_proven_itself && now.elapsed >= limits.token_wait {
            let text = "No valid token was shown in time.";
            return self.fail(condition::UNAUTHORIZED_ACCESS, text);
        }
        if self.next_keep_alive().is_some_and(|due| now.elapsed >= due) {
            self.out.keep_alive();
            self.spoke = now.elapsed;
        }
        if self.access.expire(now.utc.timestamp()) {
            self.detach_unopened();
        }
    }

    /// When [`Connection::tick`] has something to do next, since the connection began.
    pub(in crate::emulator::amqp) fn deadline(&self) -> Duration {
        let limits = &self.options.limits;
        let silence = self.heard + limits.idle_time_out;
        let token = (!self.has_proven_itself).then_some(limits.token_wait);
        let end = self.access.next_end().map(|end| {
            let left = end.saturating_sub(self.now.utc.timestamp());
            self.now.elapsed + Duration::from_secs(u64::try_from(left).unwrap_or(0))
        });
        [token, self.next_keep_alive(), end]
            .into_iter()
            .flatten()
            .fold(silence, Duration::min)
    }

    /// Half of what the peer bears, after this side last spoke.
    fn next_keep_alive(&self) -> Option<Duration> {
        let patience = self.peer_patience.filter(|_| self.phase == Phase::Open)?;
        Some(self.spoke + (patience / 2).max(Duration::from_millis(1)))
    }

    /// Detaches the links that no token opens any more.
    pub(super) fn detach_unopened(&mut self) {
        let mut shut = Vec::new();
        for (&channel, session) in &self.sessions {
            for (&handle, link) in &session.links {
                if let Some(resource) = &link.resource
                    && !self.access.opens(resource)
                {
                    let objection = Objection::unauthorized(resource.side(), &resource.path());
                    shut.push((LinkKey { channel, handle }, resource.side(), objection));
                }
            }
        }
        for (key, side, objection) in shut {
            let fault = self.word(objection, side);
            self.detach_with(key, &fault);
        }
    }
}
