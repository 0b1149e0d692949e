//! What is told of a request that came: its line, and what became of it.

use http::{Request, Response};
use tokio::time::Instant;

use super::super::connections::SeatName;
use super::super::trace::target;

/// A request that is under way.
pub(super) struct Telling {
    name: SeatName,
    line: String,
    began: Instant,
    is_over: bool,
}

impl Telling {
    /// A request has come; `None` where nobody is told.
    pub(super) fn of<B>(name: &SeatName, request: &Request<B>) -> Option<Self> {
        let uri = request.uri();
        name.is_traced().then(|| Self {
            name: name.clone(),
            line: format!("{} {}", request.method(), target(uri.path(), uri.query())),
            began: Instant::now(),
            is_over: false,
        })
    }

    /// It is answered, or a fault keeps it from that.
    fn end<B, E>(mut self, answered: &Result<Response<B>, E>) {
        self.is_over = true;
        match answered {
            Ok(response) => self.tell(response.status().as_str()),
            Err(_) => self.tell("a fault cuts the connection instead of an answer"),
        }
    }

    fn tell(&self, outcome: &str) {
        let taken = self.began.elapsed().as_millis();
        let line = &self.line;
        self.name.tell(|| format!("{line}: {outcome}, {taken} ms"));
    }
}

/// Waits for the answer, and tells of it where somebody is told.
pub(super) async fn told<B, E>(
    telling: Option<Telling>,
    answered: impl Future<Output = Result<Response<B>, E>>,
) -> Result<Response<B>, E> {
    let answered = answered.await;
    if let Some(telling) = telling {
        telling.end(&answered);
    }
    answered
}

impl Drop for Telling {
    fn drop(&mut self) {
        if !self.is_over {
            self.tell("the client goes before the answer");
        }
    }
}
