//! `POST /devices/query`: a query, page by page.

use http::HeaderMap;
use http::header::{self, HeaderName};

use super::super::driver::HubHandle;
use super::super::hub::command::{Command, Refusal, Reply, TwinOperation};
use super::super::query::{Continuation, Page, Query, Search};
use super::reading::{json_body, text};
use super::rejection::Rejection;
use crate::protocol::rest::error_code;

/// How many bytes the body may have.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// How many bytes the query itself may have. The service has been seen to refuse queries of more than about 8200 bytes with
/// `PreconditionFailed` (azure-iot-sdk-csharp, issue 1680).
const MAX_QUERY_BYTES: usize = 8192;

/// How many rows a page has, unless the client says otherwise, and at most.
const USUAL_ROWS: usize = 100;
const MAX_ROWS: usize = 1000;

pub(super) const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation");
pub(super) const ITEM_TYPE: HeaderName = HeaderName::from_static("x-ms-item-type");
const MAX_ITEM_COUNT: HeaderName = HeaderName::from_static("x-ms-max-item-count");

/// Carries a query out up to the end of a page. Others have their turn at the hub in between.
pub(super) async fn run(
    hub: &HubHandle,
    headers: &HeaderMap,
    mut search: Box<Search>,
) -> Result<Page, Rejection> {
    loop {
        let token = text(headers, &header::AUTHORIZATION);
        let operation = TwinOperation::Query { token, search };
        let Reply::Search(found) = hub.ask(Command::Twin(operation)).await? else {
            return Err(Rejection::Unanswered);
        };
        search = found;
        if search.is_done() {
            return Ok(search.into_page());
        }
    }
}

/// Reads a query with its page.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Search, Rejection> {
    let body = json_body(body)?;
    let Some(query) = body.get("query").and_then(|query| query.as_str()) else {
        return Err(refused(error_code::ARGUMENT_NULL, "BadRequest"));
    };
    if query.len() > MAX_QUERY_BYTES {
        let size = query.len();
        let why = format!("The query has {size} bytes, and the limit is {MAX_QUERY_BYTES}.");
        return Err(refused(error_code::PRECONDITION_FAILED, &why));
    }
    let parsed = Query::parse(query)
        .map_err(|error| Rejection::argument(format!("Invalid query: {error}.")))?;
    let (rows, place) = page_of(headers, query)?;
    Ok(Search::new(parsed, rows, place))
}

/// How many rows a page of what is `asked` has, and where it begins.
pub(super) fn page_of(
    headers: &HeaderMap,
    asked: &str,
) -> Result<(usize, Continuation), Rejection> {
    let place = match text(headers, &CONTINUATION).filter(|token| !token.is_empty()) {
        None => Continuation::beginning(asked),
        Some(token) => Continuation::parse(&token, asked)
            .ok_or_else(|| Rejection::argument("The continuation is not one of this query's."))?,
    };
    let rows = match text(headers, &MAX_ITEM_COUNT) {
        None => USUAL_ROWS,
        Some(count) => match count.trim().parse() {
            Ok(rows @ 1_usize..) => rows.min(MAX_ROWS),
            _ => {
                return Err(Rejection::argument(format!(
                    "A page has 1 to {MAX_ROWS} items."
                )));
            }
        },
    };
    Ok((rows, place))
}

fn refused(code: error_code::ErrorCode, message: &str) -> Rejection {
    Rejection::Refused(Refusal {
        code,
        condition: "com.microsoft:argument-error",
        message: message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn outcome(body: &str, name: &HeaderName, value: &str) -> Result<Search, Rejection> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        read(&headers, body.as_bytes())
    }

    #[test]
    fn a_query_is_read_with_its_page() {
        let body = r#"{"query":"SELECT * FROM devices"}"#;
        for good in ["1", " 1000 ", "5000"] {
            assert!(outcome(body, &MAX_ITEM_COUNT, good).is_ok(), "{good}");
        }
        for bad in ["0", "-1", "x", ""] {
            let outcome = outcome(body, &MAX_ITEM_COUNT, bad);
            assert!(matches!(outcome, Err(Rejection::Argument { .. })), "{bad}");
        }
        assert!(outcome(body, &CONTINUATION, "").is_ok());
        let strange = outcome(body, &CONTINUATION, "bm8=");
        assert!(matches!(strange, Err(Rejection::Argument { .. })));
    }

    #[test]
    fn what_is_no_query_is_refused() {
        let code = |body: &str| match outcome(body, &MAX_ITEM_COUNT, "1") {
            Err(Rejection::Refused(refusal)) => refusal.code.number,
            Err(Rejection::Argument { .. }) => 400_004,
            other => panic!("{other:?}"),
        };
        assert_eq!(code("{}"), 400_005);
        assert_eq!(code(r#"{"query":null}"#), 400_005);
        assert_eq!(code("SELECT"), 400_004);
        assert_eq!(code(r#"{"query":"SELECT"}"#), 400_004);
        let long = format!(
            r#"{{"query":"SELECT * FROM devices WHERE a = '{}'"}}"#,
            "x".repeat(8192)
        );
        assert_eq!(code(&long), 412_001);
    }
}
