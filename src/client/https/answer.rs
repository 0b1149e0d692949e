//! Answers of the hub: bodies of a limited length, refusals with their code, date and wish to be left alone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, header};
use reqwest::Response;
use tokio::time::timeout;

use super::error::{HttpsError, Refusal};
use crate::protocol::rest::ERROR_CODE_HEADER;
use crate::protocol::rest::error_body::ServiceError;

/// No answer of a hub about one thing is larger, in bytes; what comes after that is not read.
const LIMIT: usize = 1 << 20;

/// The body, cut off at the limit.
pub(super) async fn body_of(response: Response) -> Result<Vec<u8>, reqwest::Error> {
    body_within(response, LIMIT).await
}

/// The body, cut off at `limit` bytes.
pub(super) async fn body_within(
    mut response: Response,
    limit: usize,
) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() >= limit {
            body.truncate(limit);
            break;
        }
    }
    Ok(body)
}

/// What the hub says in an answer that is no 2xx. A body that breaks off or does not come within `limit` leaves the status, which says enough.
pub(super) async fn refusal_of(response: Response, limit: Duration) -> HttpsError {
    let status = response.status();
    let headers = response.headers().clone();
    let body = match timeout(limit, body_of(response)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let mut error = ServiceError::parse(text_of(&headers, ERROR_CODE_HEADER), &body);
    if error.message.is_empty() {
        error
            .message
            .push_str(status.canonical_reason().unwrap_or("no reason given"));
    }
    let date = date(&headers);
    HttpsError::Service(Box::new(Refusal {
        status: status.as_u16(),
        error,
        retry_after: text_of(&headers, header::RETRY_AFTER.as_str())
            .and_then(|text| retry_after(text, date)),
        date,
    }))
}

fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What the other side's clock says.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    date_of(text_of(headers, header::DATE.as_str()))
}

fn date_of(text: Option<&str>) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc2822(text?).ok()?.to_utc())
}

/// `Retry-After` as a span (RFC 9110, 10.2.3): seconds, or a date, which is held against the hub's own `Date` so that
/// this machine's clock does not matter.
fn retry_after(text: &str, date: Option<DateTime<Utc>>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = date_of(Some(text))?;
    Some((until - date?).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = date_of(Some("Tue, 15 Nov 1994 08:12:31 GMT"));
        assert!(date.is_some());
        assert_eq!(retry_after(" 7 ", None), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after("Tue, 15 Nov 1994 08:13:31 GMT", date),
            Some(Duration::from_secs(60))
        );
        assert_eq!(
            retry_after("Tue, 15 Nov 1994 08:00:00 GMT", date),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("Tue, 15 Nov 1994 08:13:31 GMT", None), None);
        assert_eq!(retry_after("soon", date), None);
    }
}
