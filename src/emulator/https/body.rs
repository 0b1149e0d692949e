//! Bodies of answers: whole ones of the hub's own, and those that come from elsewhere piece by piece.

use std::io;

use bytes::Bytes;
use http_body_util::Either;
use http_body_util::combinators::UnsyncBoxBody;

use super::super::ui::Body;

/// A body of either kind; the first is the hub's and its page's.
pub(super) type AnyBody = Either<Body, UnsyncBoxBody<Bytes, io::Error>>;

/// A response with such a body.
pub(super) type AnyResponse = http::Response<AnyBody>;

/// A whole body of the hub's own.
pub(super) fn whole(body: http_body_util::Full<Bytes>) -> AnyBody {
    Either::Left(Either::Left(body))
}
