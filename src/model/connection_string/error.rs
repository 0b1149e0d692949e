//! What can be wrong with a connection string.

use std::fmt;

use thiserror::Error;

use crate::model::identifier::IdError;

/// A place in the text, counted in characters from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}", self.0)
    }
}

/// Why a text is no connection string. Holds keys and places, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectionStringError {
    /// Nothing there.
    #[error("the connection string is empty")]
    Empty,
    /// A SAS token was given in its place.
    #[error("this is a SAS token, not a connection string")]
    SasToken,
    /// No `Name=Value` anywhere.
    #[error(
        "this is not a connection string: it holds no Name=Value pairs such as HostName=…;SharedAccessKey=…"
    )]
    NoPairs,
    /// An element has no `=`.
    #[error("element {number} (at {place}) has no '='; each element is Name=Value")]
    MissingEquals {
        /// Which element, counted from 1.
        number: usize,
        /// Where it begins.
        place: Place,
    },
    /// An element has nothing before its `=`.
    #[error("element {number} (at {place}) has no name before its '='")]
    MissingName {
        /// Which element, counted from 1.
        number: usize,
        /// Where it begins.
        place: Place,
    },
    /// A key without a value.
    #[error("{key} (at {place}) has no value")]
    EmptyValue {
        /// The key.
        key: &'static str,
        /// Where it begins.
        place: Place,
    },
    /// A key given twice.
    #[error("{key} is given twice, the second time at {place}")]
    DuplicateKey {
        /// The key.
        key: &'static str,
        /// Where it begins the second time.
        place: Place,
    },
    /// A key that this kind of string cannot do without.
    #[error("{key} is missing from what is otherwise {kind}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// The kind, with its article.
        kind: &'static str,
    },
    /// A key is missing, and another looks like a slip of the pen.
    #[error("{key} is missing; is {found:?} (at {place}) a slip of the pen?")]
    MisspeltKey {
        /// The key that is missing.
        key: &'static str,
        /// What looks like it.
        found: String,
        /// Where it begins.
        place: Place,
    },
    /// The key is missing, and a piece without `=` was read as the rest of the id before it.
    #[error(
        "SharedAccessKey is missing; the piece at {place} has no '=' and was read as the rest of {id}: is it the key?"
    )]
    SwallowedKey {
        /// `DeviceId` or `ModuleId`.
        id: &'static str,
        /// Where the piece begins.
        place: Place,
    },
    /// The key is missing, and an element looks like a key without its name.
    #[error("SharedAccessKey is missing; is the element at {place} the key without its name?")]
    NamelessKey {
        /// Where the element begins.
        place: Place,
    },
    /// A `:` where `=` belongs.
    #[error("{key} (at {place}) is followed by ':' where '=' belongs")]
    ColonForEquals {
        /// The key.
        key: &'static str,
        /// Where it begins.
        place: Place,
    },
    /// A `,` where `;` belongs.
    #[error("the ',' at {place}, before {key}, stands where ';' belongs")]
    CommaForSemicolon {
        /// The key after it.
        key: &'static str,
        /// Where the comma stands.
        place: Place,
    },
    /// A string of another service.
    #[error("this is {service} connection string, which opens no IoT hub")]
    OtherService {
        /// The service, with its article.
        service: &'static str,
    },
    /// Two credentials, of which only one can be meant.
    #[error("{first} and {second} are both given; only one of them can be meant")]
    TwoCredentials {
        /// The first.
        first: &'static str,
        /// The second.
        second: &'static str,
    },
    /// A device's string that names a policy as well, whose key it then holds.
    #[error(
        "DeviceId and SharedAccessKeyName (at {place}) are both given: a device's own string has no SharedAccessKeyName"
    )]
    PolicyAndDevice {
        /// Where the policy's name begins.
        place: Place,
    },
    /// The shared access key is not base64.
    #[error("{key} is not base64: {what} at {place}")]
    NotBase64 {
        /// The key.
        key: &'static str,
        /// What is wrong there, without the text.
        what: &'static str,
        /// Where.
        place: Place,
    },
    /// The host is not one.
    #[error("{key} holds {what} at {place}")]
    Host {
        /// The key.
        key: &'static str,
        /// What is wrong there.
        what: &'static str,
        /// Where.
        place: Place,
    },
    /// A device or module id that no hub takes.
    #[error("{key} (at {place}): {source}")]
    Id {
        /// The key.
        key: &'static str,
        /// Where the value begins.
        place: Place,
        /// Why.
        source: IdError,
    },
    /// The endpoint is not `sb://…`.
    #[error("Endpoint (at {place}) is not of the form sb://NAMESPACE.servicebus.windows.net/")]
    Endpoint {
        /// Where the value begins.
        place: Place,
    },
    /// A token in the string that is none.
    #[error(
        "SharedAccessSignature (at {place}) does not hold a token that begins with \"SharedAccessSignature sr=\""
    )]
    Token {
        /// Where the value begins.
        place: Place,
    },
    /// A module without its device.
    #[error("ModuleId (at {place}) stands there without DeviceId")]
    ModuleWithoutDevice {
        /// Where it begins.
        place: Place,
    },
}
