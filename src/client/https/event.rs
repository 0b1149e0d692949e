//! A device-to-cloud message, made ready once and posted as often as wanted.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use reqwest::Url;

use super::error::HttpsError;
use crate::model::secret::Secret;

/// Where a message goes and under which headers. Cheap to clone beside the request itself.
#[derive(Debug, Clone)]
pub struct EventPost {
    pub(super) url: Url,
    /// Every header of the request; `Authorization` must be made by [`token_header`], which marks it as sensitive.
    pub headers: HeaderMap,
}

impl EventPost {
    /// The URL that is posted to.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

/// The value of `Authorization`, marked so that neither `Debug` nor a trace shows it.
///
/// # Errors
/// [`HttpsError::Token`] where the text cannot stand in a header.
pub fn token_header(token: &Secret) -> Result<HeaderValue, HttpsError> {
    let bytes = Bytes::copy_from_slice(token.expose().as_bytes());
    let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| HttpsError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}
