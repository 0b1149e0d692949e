//! Events as CSV (RFC 4180): a header line, then a record an event, lines ended by CR LF.
//!
//! Devices are strangers, and what is opened most with CSV is a spreadsheet: a cell that one would run as a formula (it
//! begins with `=`, `+`, `-`, `@`, a tab or a carriage return, and is no number) gets a `'` in front, which a spreadsheet
//! takes for "this is text". Programs that want every byte as it came read NDJSON.

use super::decode::Shown;
use super::field::{Field, Head, View};
use super::json::Json;
use super::value::write_map;

/// The header line.
pub const HEADER: &str = "partition,sequenceNumber,enqueuedTime,deviceId,moduleId,source,contentType,messageId,correlationId,\
     properties,body,bodyBase64\r\n";

const HEADS: [Head; 9] = [
    Head::Partition,
    Head::SequenceNumber,
    Head::EnqueuedTime,
    Head::DeviceId,
    Head::ModuleId,
    Head::Source,
    Head::ContentType,
    Head::MessageId,
    Head::CorrelationId,
];

/// Appends an event; `cell` is a buffer for what is being written.
pub fn write_record(view: &View<'_>, cell: &mut Vec<u8>, out: &mut Vec<u8>) {
    for head in HEADS {
        cell.clear();
        if let Some(asked) = Field::Head(head).of(view) {
            asked.write_plain(cell);
        }
        write_cell(cell, out);
        out.push(b',');
    }
    cell.clear();
    write_map(
        view.event.message.application_properties.as_ref(),
        &mut Json::compact(cell),
    );
    write_cell(cell, out);
    out.push(b',');
    cell.clear();
    view.body.shown.write_plain(cell);
    let is_base64 = matches!(view.body.shown, Shown::Base64(_));
    if is_base64 || std::str::from_utf8(cell).is_err() {
        out.push(b',');
        if is_base64 {
            out.extend_from_slice(cell);
        } else {
            Json::compact(out).base64_part(cell);
        }
    } else {
        write_cell(cell, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\r\n");
}

fn write_cell(cell: &[u8], out: &mut Vec<u8>) {
    let is_formula = is_formula(cell);
    if !is_formula && !cell.iter().any(|byte| b",\"\r\n".contains(byte)) {
        return out.extend_from_slice(cell);
    }
    out.push(b'"');
    if is_formula {
        out.push(b'\'');
    }
    for &byte in cell {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn is_formula(cell: &[u8]) -> bool {
    match cell.first() {
        Some(b'=' | b'@' | b'\t' | b'\r') => true,
        Some(b'+' | b'-') => {
            let text = std::str::from_utf8(cell).unwrap_or_default();
            let is_number = cell
                .iter()
                .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte))
                && text.parse::<f64>().is_ok();
            !is_number
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cell(text: &str) -> String {
        let mut out = Vec::new();
        write_cell(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        for (text, expected) in [
            ("", ""),
            ("plain text", "plain text"),
            ("a,b", "\"a,b\""),
            ("{\"a\":1}", "\"{\"\"a\"\":1}\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("-5.5e3", "-5.5e3"),
            ("=1+1", "\"'=1+1\""),
            ("-1+1", "\"'-1+1\""),
            ("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\""),
            ("@SUM(1)", "\"'@SUM(1)\""),
            ("\t=1", "\"'\t=1\""),
            ("-", "\"'-\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    proptest! {
        #[test]
        fn cells_read_back(text in "[a,\"\r\n =é-]{0,12}") {
            let written = cell(&text);
            let read = match written.strip_prefix('"') {
                Some(inside) => inside.strip_suffix('"').unwrap().replace("\"\"", "\""),
                None => written,
            };
            let defused = format!("'{text}");
            prop_assert!(read == text || read == defused);
            prop_assert!(!read.starts_with(['=', '@']));
        }
    }
}
