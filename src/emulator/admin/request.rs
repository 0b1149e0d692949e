//! What is asked, read off method, path, parameters and body.

use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::AdminError;
use crate::emulator::connections::{LinkKind, Links, Selection};
use crate::emulator::fault::{Trouble, Wire, condition};
use crate::model::glob::Glob;

/// What is asked.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// What there is to ask.
    Overview,
    /// What goes wrong.
    Faults,
    /// One fault more.
    Add(Trouble),
    /// One less, or none any more.
    Remove(Option<u64>),
    /// Who is connected.
    Connections,
    /// These end now.
    Drop(Selection),
    /// These links end now.
    Detach(Links, &'static str),
    /// The tokens that were shown end now.
    EndTokens(Option<Glob>),
    /// The messages of this day are used up.
    FillQuota,
    /// None of them is.
    EmptyQuota,
}

/// Every path, what it takes, and what that does.
pub(super) const PATHS: [(&str, &str, &str); 11] = [
    ("GET", "/faults", "what goes wrong, and how often it did"),
    (
        "POST",
        "/faults",
        "one fault more: the body is SPEC as --fault takes it, or {\"fault\": SPEC}",
    ),
    ("DELETE", "/faults/ID", "one fault less"),
    ("DELETE", "/faults", "no faults any more"),
    ("GET", "/connections", "who is connected"),
    (
        "POST",
        "/connections/drop",
        "cuts connections off: ?on=mqtt, ?device=PATTERN",
    ),
    ("POST", "/connections/ID/drop", "cuts one off"),
    (
        "POST",
        "/links/detach",
        "detaches single links of AMQP: ?device=PATTERN, ?partition=0, ?kind=reader, ?condition=com.microsoft:server-busy",
    ),
    (
        "POST",
        "/tokens/expire",
        "ends the tokens that were shown so far: ?device=PATTERN",
    ),
    ("POST", "/quota/fill", "uses up the messages of this day"),
    ("POST", "/quota/empty", "begins this day's messages anew"),
];

impl Asked {
    /// Reads it.
    pub(super) fn of(head: &Parts, body: &[u8]) -> Result<Self, AdminError> {
        let path = head.uri.path();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let get = head.method == Method::GET || head.method == Method::HEAD;
        let post = head.method == Method::POST;
        let delete = head.method == Method::DELETE;
        let mut parameters = Parameters::of(head.uri.query().unwrap_or_default());
        let method = |allowed| {
            Err(AdminError::Method {
                path: path.to_owned(),
                method: head.method.to_string(),
                allowed,
            })
        };
        let asked = match segments.as_slice() {
            [""] if get => Self::Overview,
            ["faults"] if get => Self::Faults,
            ["faults"] if post => Self::Add(fault(body)?),
            ["faults"] if delete => Self::Remove(None),
            ["faults"] => return method("GET, POST and DELETE"),
            ["faults", id] if delete => Self::Remove(Some(number("fault", id)?)),
            ["faults", _] => return method("DELETE"),
            ["connections"] if get => Self::Connections,
            ["" | "connections"] => return method("GET"),
            ["connections", "drop"] if post => Self::Drop(Selection {
                id: None,
                wire: parameters.take("on", |text| one_of(text, &Wire::ALL))?,
                device: parameters.take("device", pattern)?,
            }),
            ["connections", id, "drop"] if post => Self::Drop(Selection {
                id: Some(number("connection", id)?),
                ..Selection::default()
            }),
            ["connections", "drop"] | ["connections", _, "drop"] => return method("POST"),
            ["links", "detach"] if post => {
                let links = Links {
                    device: parameters.take("device", pattern)?,
                    partition: parameters.take("partition", |text| Ok(text.to_owned()))?,
                    kind: parameters.take("kind", |text| one_of(text, &LinkKind::ALL))?,
                };
                let named = parameters.take("condition", |text| Ok(text.to_owned()))?;
                let usual = "amqp:link:detach-forced";
                Self::Detach(links, condition(named.as_deref().unwrap_or(usual))?)
            }
            ["tokens", "expire"] if post => Self::EndTokens(parameters.take("device", pattern)?),
            ["quota", "fill"] if post => Self::FillQuota,
            ["quota", "empty"] if post => Self::EmptyQuota,
            ["links", "detach"] | ["tokens", "expire"] | ["quota", "fill" | "empty"] => {
                return method("POST");
            }
            _ => {
                return Err(AdminError::Path {
                    path: path.to_owned(),
                });
            }
        };
        parameters.end(asked.parameters())?;
        Ok(asked)
    }

    /// What it takes beside its path.
    fn parameters(&self) -> &'static str {
        match self {
            Self::Drop(Selection { id: None, .. }) => "on and device",
            Self::Detach(..) => "device, partition, kind and condition",
            Self::EndTokens(_) => "device",
            Self::Drop(_)
            | Self::Overview
            | Self::Faults
            | Self::Add(_)
            | Self::Remove(_)
            | Self::Connections
            | Self::FillQuota
            | Self::EmptyQuota => "",
        }
    }
}

fn number(what: &'static str, text: &str) -> Result<u64, AdminError> {
    text.parse().map_err(|_| AdminError::NotThere {
        what,
        id: text.to_owned(),
    })
}

/// A fault as it stands, or in JSON.
fn fault(body: &[u8]) -> Result<Trouble, AdminError> {
    let wrong = |reason: String| AdminError::Body { reason };
    let text = str::from_utf8(body).map_err(|error| wrong(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    if !text.starts_with('{') {
        return Ok(text.parse()?);
    }
    let json: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let members = json.as_object().into_iter().flatten();
    let strange = members.map(|(name, _)| name).find(|name| *name != "fault");
    if let Some(name) = strange {
        return Err(wrong(format!("{name:?} is no member of it")));
    }
    let fault = json.get("fault").and_then(Value::as_str);
    Ok(fault
        .ok_or_else(|| wrong("it has no text \"fault\"".to_owned()))?
        .parse()?)
}

fn pattern(text: &str) -> Result<Glob, String> {
    Glob::new(text).map_err(|error| error.to_string())
}

fn one_of<T: Copy>(text: &str, all: &[(&'static str, T)]) -> Result<T, String> {
    let found = all.iter().find(|(name, _)| *name == text);
    found.map(|(_, thing)| *thing).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        format!("{text:?} is none of {}", names.join(", "))
    })
}

/// What stands behind the question mark, as far as it has not been taken.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(query: &str) -> Self {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(
            pairs
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        )
    }

    fn take<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, AdminError> {
        let Some(place) = self.0.iter().position(|(found, _)| found == name) else {
            return Ok(None);
        };
        let (name, value) = self.0.remove(place);
        let value = read(&value).map_err(|reason| AdminError::Value { name, reason })?;
        Ok(Some(value))
    }

    fn end(self, known: &'static str) -> Result<(), AdminError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(AdminError::Parameter { name, known }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(method: &str, uri: &str, body: &str) -> Result<Asked, AdminError> {
        let request = http::Request::builder().method(method).uri(uri);
        let head = request.body(()).unwrap().into_parts().0;
        Asked::of(&head, body.as_bytes())
    }

    #[test]
    fn what_is_asked_is_understood() {
        let drop = |text: &str| Asked::Add(text.parse().unwrap());
        for (method, uri, body, expected) in [
            ("GET", "/", "", Asked::Overview),
            ("GET", "/faults", "", Asked::Faults),
            ("POST", "/faults", "drop,every=2\n", drop("drop,every=2")),
            (
                "POST",
                "/faults",
                "{\"fault\": \"skew:1m\"}",
                drop("skew:1m"),
            ),
            ("DELETE", "/faults", "", Asked::Remove(None)),
            ("DELETE", "/faults/7", "", Asked::Remove(Some(7))),
            (
                "POST",
                "/connections/drop",
                "",
                Asked::Drop(Selection::default()),
            ),
            ("POST", "/quota/fill", "", Asked::FillQuota),
        ] {
            assert_eq!(asked(method, uri, body), Ok(expected), "{method} {uri}");
        }
        let selection = Selection {
            id: None,
            wire: Some(Wire::Mqtt),
            device: Some(Glob::new("a b*").unwrap()),
        };
        let some = asked("POST", "/connections/drop?on=mqtt&device=a%20b*", "");
        assert_eq!(some, Ok(Asked::Drop(selection)));
        let links = Links {
            device: None,
            partition: Some("2".to_owned()),
            kind: Some(LinkKind::Reader),
        };
        let uri = "/links/detach?partition=2&kind=reader&condition=com.microsoft:server-busy";
        let detach = Asked::Detach(links, "com.microsoft:server-busy");
        assert_eq!(asked("POST", uri, ""), Ok(detach));
    }

    #[test]
    fn slips_are_told_with_what_there_is() {
        for (method, uri, body, words) in [
            ("GET", "/fault", "", "there is no /fault; GET / lists"),
            (
                "PUT",
                "/faults",
                "",
                "does not take PUT; It takes GET, POST and DELETE",
            ),
            ("GET", "/quota/fill", "", "It takes POST"),
            (
                "DELETE",
                "/faults/x",
                "",
                "there is no fault x; GET /faults",
            ),
            ("POST", "/faults", "", "it is empty; Send throttle"),
            (
                "POST",
                "/faults",
                "explode",
                "\"explode\" is no fault; there are refuse",
            ),
            (
                "POST",
                "/faults",
                "{\"spec\":\"drop\"}",
                "\"spec\" is no member",
            ),
            ("POST", "/faults", "{}", "no text \"fault\""),
            ("POST", "/faults", "{", "EOF"),
            (
                "POST",
                "/faults?at=send",
                "drop",
                "\"at\" is no parameter of it; It takes none",
            ),
            (
                "POST",
                "/connections/drop?on=http",
                "",
                "is none of https, amqp, mqtt",
            ),
            (
                "POST",
                "/connections/drop?all",
                "",
                "It takes on and device",
            ),
            ("POST", "/links/detach?kind=x", "", "none of reader, events"),
            (
                "POST",
                "/links/detach?condition=x",
                "",
                "none of amqp:link:detach-forced",
            ),
        ] {
            let error = asked(method, uri, body).unwrap_err();
            let told = format!("{error}; {}", error.hint());
            assert!(told.contains(words), "{method} {uri}: {told}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_safe_to_read(uri in "/(faults|connections|links|tokens|quota)?/?[a-z0-9]{0,5}/?(drop|detach)?[?]?[a-z=&%0-9]{0,20}", body in ".{0,40}") {
            for method in ["GET", "POST", "DELETE"] {
                let _ = asked(method, &uri, &body);
            }
        }
    }
}
