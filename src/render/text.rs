//! Events as blocks for people, as iothub-explorer showed them.

use super::body::Content;
use super::json::Json;
use super::time::write_time;
use super::value::{write_entries, write_lists, write_map, write_value};
use crate::protocol::amqp::event::Event;

/// Appends an event as a block: who and when, the body, its properties, a rule.
pub fn write_block(event: &Event<'_>, content: Content<'_>, is_verbose: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"==== From: '");
    write_shown(event.device_id.unwrap_or_default().as_bytes(), out);
    if let Some(module) = event.module_id {
        out.push(b'/');
        write_shown(module.as_bytes(), out);
    }
    out.extend_from_slice(b"' at '");
    if !write_time(event.enqueued_time_ms, out) {
        Json::compact(out).integer(event.enqueued_time_ms);
    }
    out.extend_from_slice(b"' ====\n");
    write_body(content, out);
    if is_verbose {
        write_section("system properties", out, |json| {
            json.object(|json| write_properties(event, json));
        });
        write_section("annotations", out, |json| {
            write_map(event.message.message_annotations.as_ref(), json);
        });
    }
    let properties = event.message.application_properties.as_ref();
    if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
        write_section("application properties", out, |json| {
            write_map(Some(properties), json);
        });
    }
    out.extend_from_slice(b"====================\n");
}

/// Appends the body's own bytes on a line, and the application properties as JSON on the next where there are any:
/// what `--raw` meant with iothub-explorer.
pub fn write_raw(event: &Event<'_>, content: Content<'_>, out: &mut Vec<u8>) {
    match content {
        Content::Bytes(bytes) => out.extend_from_slice(bytes),
        Content::Empty => {}
        Content::Value(value) => match value.as_str() {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => write_value(&value, &mut Json::compact(out)),
        },
        Content::Lists(lists) => write_lists(lists.iter(), &mut Json::compact(out)),
    }
    out.push(b'\n');
    let properties = event.message.application_properties.as_ref();
    if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
        write_map(Some(properties), &mut Json::compact(out));
        out.push(b'\n');
    }
}

fn write_body(content: Content<'_>, out: &mut Vec<u8>) {
    match content {
        Content::Empty => {}
        Content::Bytes(bytes) => write_shown(bytes, out),
        Content::Value(value) => match value.as_str() {
            Some(text) => write_shown(text.as_bytes(), out),
            None => write_value(&value, &mut Json::pretty(out)),
        },
        Content::Lists(lists) => write_lists(lists.iter(), &mut Json::pretty(out)),
    }
    out.push(b'\n');
}

fn write_section(title: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut Json<'_>)) {
    out.extend_from_slice(b"---- ");
    out.extend_from_slice(title.as_bytes());
    out.extend_from_slice(b" ----\n");
    write(&mut Json::pretty(out));
    out.push(b'\n');
}

/// The message's own properties, by their names in AMQP, into the object that is open.
fn write_properties(event: &Event<'_>, json: &mut Json<'_>) {
    let properties = &event.message.properties;
    if let Some(id) = properties.message_id() {
        json.key("message-id");
        write_value(&id, json);
    }
    if let Some(id) = properties.correlation_id() {
        json.key("correlation-id");
        write_value(&id, json);
    }
    if let Some(content_type) = properties.content_type() {
        json.key("content-type");
        json.string(content_type);
    }
    write_further_properties(event, json);
}

/// Those properties that have no place of their own in the JSON of an event.
pub fn write_further_properties(event: &Event<'_>, json: &mut Json<'_>) {
    let properties = &event.message.properties;
    if let Some(user) = properties.user_id() {
        json.key("user-id");
        match std::str::from_utf8(user) {
            Ok(text) => json.string(text),
            Err(_) => json.base64(user),
        }
    }
    let texts = [
        ("to", properties.to()),
        ("subject", properties.subject()),
        ("reply-to", properties.reply_to()),
        ("content-encoding", properties.content_encoding()),
        ("group-id", properties.group_id()),
        ("reply-to-group-id", properties.reply_to_group_id()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            json.key(name);
            json.string(text);
        }
    }
    let times = [
        ("absolute-expiry-time", properties.absolute_expiry_time()),
        ("creation-time", properties.creation_time()),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            json.key(name);
            super::value::write_timestamp(time, json);
        }
    }
    if let Some(number) = properties.group_sequence() {
        json.key("group-sequence");
        json.integer(number);
    }
    if let Some(annotations) = event.message.delivery_annotations {
        write_entries(&annotations, json, 0);
    }
}

/// Text as it can be shown: what is not UTF-8, and what a terminal would obey, becomes U+FFFD.
fn write_shown(bytes: &[u8], out: &mut Vec<u8>) {
    const REPLACEMENT: &str = "\u{fffd}";
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(is_obeyed) {
            let (before, from) = rest.split_at(at);
            out.extend_from_slice(before.as_bytes());
            // The end of a line is as good as a line feed alone.
            let shown = if from.starts_with("\r\n") {
                "\r"
            } else {
                REPLACEMENT
            };
            out.extend_from_slice(shown.as_bytes());
            let mut characters = from.chars();
            characters.next();
            rest = characters.as_str();
        }
        out.extend_from_slice(rest.as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice(REPLACEMENT.as_bytes());
        }
    }
}

fn is_obeyed(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write_shown(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        assert_eq!(
            shown(b"a\tb\r\nc\x1b[2J\xffd\r"),
            "a\tb\r\nc\u{fffd}[2J\u{fffd}d\u{fffd}"
        );
        assert_eq!(shown("\u{9b}é".as_bytes()), "\u{fffd}é");
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_shown(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            shown(&bytes);
        }

        #[test]
        fn plain_text_is_shown_as_it_is(text in "[ -~é\n\t]{0,60}") {
            prop_assert_eq!(shown(text.as_bytes()), text);
        }
    }
}
