//! Events as blocks for people, as iothub-explorer showed them.

use super::decode::Shown;
use super::json::Json;
use super::system::write_further_properties;
use super::terminal::write_shown;
use super::time::write_time;
use super::value::{write_map, write_value};
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::message::PropertyFields;

/// Appends an event as a block: who and when, the body, its properties, a rule.
pub fn write_block(event: &Event<'_>, body: Shown<'_>, is_verbose: bool, out: &mut Vec<u8>) {
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
    body.write_for_people(out);
    out.push(b'\n');
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

/// Appends the body on a line, and the application properties as JSON on the next where there are any: what `--raw` meant
/// with iothub-explorer.
pub fn write_raw(event: &Event<'_>, body: Shown<'_>, out: &mut Vec<u8>) {
    body.write_plain(out);
    out.push(b'\n');
    let properties = event.message.application_properties.as_ref();
    if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
        write_map(Some(properties), &mut Json::compact(out));
        out.push(b'\n');
    }
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
    let properties = PropertyFields::from(event.message.properties);
    if let Some(id) = properties.message_id {
        json.key("message-id");
        write_value(&id, json);
    }
    if let Some(id) = properties.correlation_id {
        json.key("correlation-id");
        write_value(&id, json);
    }
    if let Some(content_type) = properties.content_type {
        json.key("content-type");
        json.string(content_type);
    }
    write_further_properties(event, &properties, json);
}
