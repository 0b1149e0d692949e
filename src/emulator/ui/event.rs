//! An event as the page is told it.

use serde_json::{Map, Value, json};

use super::super::hub::command::StoredEvent;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::message::Body;

/// How many bytes of a body the page is shown.
const SHOWN_BODY: usize = 8192;
/// How many properties it is shown, and how many bytes of each name and value.
const SHOWN_PROPERTIES: usize = 100;
const SHOWN_TEXT: usize = 1024;

/// The event's JSON; null for one that cannot be read.
pub(super) fn event_json(partition: usize, stored: &StoredEvent) -> Value {
    let Ok(event) = Event::parse(&stored.encoded) else {
        return Value::Null;
    };
    let message = event.message;
    let body = match &message.body {
        // The hub writes one section.
        Body::Data(sections) => sections.single().unwrap_or_default(),
        Body::Empty | Body::Value(_) | Body::Sequence(_) => &[],
    };
    let text = |text: Option<&str>| text.map(|text| shortened(text).to_owned());
    let properties = message.properties;
    let mut value = json!({
        "partition": partition,
        "sequenceNumber": stored.sequence_number,
        "enqueuedTime": stored.enqueued.timestamp_millis(),
        "deviceId": event.device_id,
        "moduleId": event.module_id,
        "source": event.source,
        "contentType": text(properties.content_type()),
        "messageId": text(properties.message_id().and_then(|id| id.as_str())),
        "correlationId": text(properties.correlation_id().and_then(|id| id.as_str())),
        "properties": application_properties(&event),
        "bodyLength": body.len(),
    });
    let (name, shown) = shown_body(body);
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), shown.into());
    }
    value
}

fn application_properties(event: &Event<'_>) -> Map<String, Value> {
    let pairs = event.message.application_properties.unwrap_or_default();
    let pairs = pairs.pairs().map_while(Result::ok).take(SHOWN_PROPERTIES);
    let texts = pairs.filter_map(|(name, value)| Some((name.as_str()?, value.as_str()?)));
    texts
        .map(|(name, value)| (shortened(name).to_owned(), shortened(value).into()))
        .collect()
}

/// A body's beginning: as text where it is one, or else in hexadecimal digits.
fn shown_body(body: &[u8]) -> (&'static str, String) {
    let shown = &body[..body.len().min(SHOWN_BODY)];
    let text = match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        // A character that was cut in two.
        Err(error) if error.error_len().is_none() && shown.len() < body.len() => {
            std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let is_plain = |c: char| !c.is_control() || "\n\r\t".contains(c);
    if let Some(text) = text.filter(|text| text.chars().all(is_plain)) {
        return ("body", text.to_owned());
    }
    let digits = shown.iter().map(|byte| format!("{byte:02x}"));
    ("bodyHex", digits.collect::<Vec<_>>().join(" "))
}

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(SHOWN_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_shown_as_text_or_in_digits_and_cut_where_it_is_long() {
        let shown = |body: &[u8]| shown_body(body);
        assert_eq!(shown(b"{\"a\": 1}\n"), ("body", "{\"a\": 1}\n".to_owned()));
        assert_eq!(shown(b"\x00\xff"), ("bodyHex", "00 ff".to_owned()));
        assert_eq!(shown("\u{1b}[31m".as_bytes()).0, "bodyHex");
        assert_eq!(shown(b""), ("body", String::new()));
        let long = "\u{e9}".repeat(SHOWN_BODY);
        let (name, text) = shown(&long.as_bytes()[1..]);
        assert_eq!((name, text.len()), ("bodyHex", SHOWN_BODY * 3 - 1));
        let odd = format!("x{long}");
        let (name, text) = shown(odd.as_bytes());
        assert_eq!((name, text.len()), ("body", SHOWN_BODY - 1));
    }
}
