//! `$cbs` and `$management`: a request comes in, an answer goes out.

use hubctl::protocol::amqp::cbs::PutToken;
use hubctl::protocol::amqp::management::{EventHubProperties, ReadRequest};
use hubctl::protocol::amqp::message::Message;
use hubctl::protocol::amqp::response::Response;
use hubctl::protocol::sas::Token;

use super::State;
use super::log::ENTITY;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    Cbs,
    Management,
}

/// An answer, and until when the token is good that was taken in by it, in seconds since 1970.
pub struct Answer {
    pub message: Vec<u8>,
    pub expiry: Option<i64>,
}

impl Node {
    /// Answers a request.
    pub fn answer(self, request: &[u8], state: &mut State) -> Answer {
        let request = Message::parse(request).unwrap();
        match self {
            Self::Cbs => put_token(&request, state),
            Self::Management => Answer {
                message: read(&request, state),
                expiry: None,
            },
        }
    }
}

fn put_token(request: &Message<'_>, state: &mut State) -> Answer {
    state.conduct.tokens += 1;
    let request = PutToken::parse(request).unwrap();
    let token = Token::parse(request.token).unwrap();
    let now = chrono::Utc::now().timestamp();
    let refused = state.tokens.pop_front();
    let (status, words) = match refused {
        Some(status) => (status, "ExpiredToken: try another"),
        None if token.expiry <= now => (401, "ExpiredToken"),
        None => (202, "Accepted"),
    };
    let mut message = Vec::new();
    Response::new(request.message_id, status, words).write(&mut message, |w| w.string(""));
    Answer {
        message,
        expiry: (status == 202).then_some(token.expiry),
    }
}

fn read(request: &Message<'_>, state: &mut State) -> Vec<u8> {
    state.conduct.requests += 1;
    let request = ReadRequest::parse(request).unwrap();
    let id = request.message_id;
    let setup = &state.setup;
    let mut message = Vec::new();
    let Some(partition) = request.partition else {
        let properties = EventHubProperties {
            name: ENTITY.to_owned(),
            created_at_ms: setup.manners.created_at_ms,
            partition_ids: (0..setup.logs.len()).map(|id| id.to_string()).collect(),
        };
        Response::new(id, 200, "OK").write(&mut message, |w| properties.write_body(w));
        return message;
    };
    let partition: usize = partition.parse().unwrap();
    let properties = setup.logs[partition].properties(partition);
    Response::new(id, 200, "OK").write(&mut message, |w| properties.write_body(w));
    message
}

/// A link to a node and the link back.
#[derive(Debug)]
pub struct Requests {
    pub node: Node,
    /// The request so far.
    pub partial: Vec<u8>,
    /// Requests that came.
    pub came: u32,
    /// The first request that may not come yet.
    pub end: u32,
    /// Answers that may go.
    pub credit: u32,
    /// Answers that went.
    pub answered: u32,
}

impl Requests {
    /// Nothing came yet.
    pub fn new(node: Node) -> Self {
        Self {
            node,
            partial: Vec::new(),
            came: 0,
            end: 0,
            credit: 0,
            answered: 0,
        }
    }
}
