//! Who may look at the page: the one-time token of the link, and the sessions that came of it or of a key.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;

use super::super::random::random;
use super::credential::Credential;
use crate::model::secret::Secret;

/// How long a session lasts.
pub(super) const SESSION: Duration = Duration::from_secs(8 * 60 * 60);

/// The most sessions at a time; the oldest gives way.
const MAX_SESSIONS: usize = 32;

/// How many random bytes are in a token and in a session's id.
const RANDOM_BYTES: usize = 32;

/// Something that nobody can guess, in characters that an address and a cookie may hold; `None` where the system gives no
/// random bytes.
pub(in crate::emulator) fn unguessable() -> Option<Secret> {
    let bytes = random::<RANDOM_BYTES>()?;
    Some(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

#[derive(Debug)]
struct Session {
    id: Secret,
    credential: Arc<Credential>,
    ends: Instant,
}

/// Keeps the door.
#[derive(Debug)]
pub(super) struct Doorman {
    /// The link's, until it is used.
    token: Option<Secret>,
    /// In the order in which they began.
    sessions: Vec<Session>,
}

impl Doorman {
    /// Nobody is in yet.
    pub(super) fn new(token: Secret) -> Self {
        Self {
            token: Some(token),
            sessions: Vec::new(),
        }
    }

    /// Whether this is the link's token, which is good once.
    pub(super) fn take_token(&mut self, shown: &str) -> bool {
        let is_it = self.token.as_ref().is_some_and(|token| same(token, shown));
        if is_it {
            self.token = None;
        }
        is_it
    }

    /// Begins a session.
    pub(super) fn admit(&mut self, now: Instant, id: Secret, credential: Credential) {
        self.sessions.retain(|session| session.ends > now);
        if self.sessions.len() == MAX_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(Session {
            id,
            credential: Arc::new(credential),
            ends: now + SESSION,
        });
    }

    /// What a session stands for, if there is such a one.
    pub(super) fn find(&self, now: Instant, shown: &str) -> Option<Arc<Credential>> {
        let mut found = self.sessions.iter().filter(|it| same(&it.id, shown));
        let session = found.next_back().filter(|session| session.ends > now)?;
        Some(Arc::clone(&session.credential))
    }

    /// Ends a session.
    pub(super) fn dismiss(&mut self, shown: &str) {
        self.sessions.retain(|session| !same(&session.id, shown));
    }
}

fn same(secret: &Secret, shown: &str) -> bool {
    secret.expose().as_bytes().ct_eq(shown.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::test_hub::KEY;

    fn credential() -> Credential {
        Credential::new("iothubowner", &Secret::new(KEY)).unwrap()
    }

    #[test]
    fn the_links_token_is_good_once() {
        let token = unguessable().unwrap();
        let mut doorman = Doorman::new(token.clone());
        assert!(!doorman.take_token(""));
        assert!(!doorman.take_token(&token.expose()[1..]));
        assert!(doorman.take_token(token.expose()));
        assert!(!doorman.take_token(token.expose()));
    }

    #[test]
    fn sessions_end_by_time_by_wish_and_by_number() {
        let now = Instant::now();
        let mut doorman = Doorman::new(unguessable().unwrap());
        let admit = |doorman: &mut Doorman, now| {
            let id = unguessable().unwrap();
            doorman.admit(now, id.clone(), credential());
            id
        };
        let first = admit(&mut doorman, now);
        assert!(doorman.find(now, first.expose()).is_some());
        assert!(doorman.find(now, "").is_none());
        assert!(doorman.find(now + SESSION, first.expose()).is_none());
        doorman.dismiss(first.expose());
        assert!(doorman.find(now, first.expose()).is_none());
        let oldest = admit(&mut doorman, now);
        let next = admit(&mut doorman, now);
        for _ in 2..=MAX_SESSIONS {
            admit(&mut doorman, now);
        }
        assert!(doorman.find(now, oldest.expose()).is_none());
        assert!(doorman.find(now, next.expose()).is_some());
    }

    #[test]
    fn what_nobody_can_guess_is_never_the_same() {
        let [one, other] = [unguessable().unwrap(), unguessable().unwrap()];
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 43);
    }
}
