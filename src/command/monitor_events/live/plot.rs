//! What `--plot` keeps: the last values of numeric fields and properties, by device. Pure: nothing is read or drawn here.
//!
//! Memory stays bounded: so many lines of so many points.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::io::Write as _;

use serde_json::Value;

use crate::protocol::amqp::value::{self, Items};
use crate::render::body::Content;
use crate::render::field::{self, Asked, View};
use crate::render::path::{Found, Path, PathError};
use crate::render::time::write_time;

/// More lines than this no eye tells apart.
pub(super) const MOST_SERIES: usize = 12;

/// The points of a line.
const MOST_POINTS: usize = 1000;

/// So many JSON bodies without any of the fields are enough to say so.
const ENOUGH: u64 = 5;

/// So many events are enough in any case.
const PATIENT: u64 = 50;

/// So many names of fields are offered.
const MOST_NAMES: usize = 20;

/// A device's values of one field.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub device: Box<str>,
    /// The field as the user wrote it.
    pub field: Box<str>,
    /// When each was enqueued, in milliseconds since 1970, and the value.
    pub points: VecDeque<(i64, f64)>,
}

/// A field that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Field {
    /// As the user wrote it.
    name: Box<str>,
    /// Where to look, one place after the other: with `body.` in front it may be the body that is meant, or a key.
    places: Vec<field::Field>,
}

impl Field {
    /// Reads a field: with `body.`, `properties.` or `systemProperties.` in front as conditions have it, and a path into
    /// the body without.
    ///
    /// # Errors
    /// [`PathError`].
    pub(in super::super) fn parse(text: &str) -> Result<Self, PathError> {
        let in_body = || Path::parse(text).map(field::Field::Body);
        let places = match field::Field::parse(text) {
            Ok(field::Field::Properties(path)) if !path.steps().is_empty() => {
                vec![field::Field::Properties(path)]
            }
            Ok(field::Field::SystemProperties(path)) if !path.steps().is_empty() => {
                vec![field::Field::SystemProperties(path)]
            }
            Ok(body @ field::Field::Body(_)) => vec![body, in_body()?],
            Ok(_) | Err(_) => vec![in_body()?],
        };
        Ok(Self {
            name: text.into(),
            places,
        })
    }

    /// The field's number and its text as it was written, where it is one or a string of one.
    fn find<'a>(&self, view: &View<'a>) -> Option<(Cow<'a, str>, f64)> {
        let mut places = self.places.iter();
        places.find_map(|place| number(found(place.of(view)?)?))
    }
}

/// What may be a number.
fn found(asked: Asked<'_>) -> Option<Found<'_>> {
    match asked {
        Asked::Json(json) => Some(Found::Json(json)),
        Asked::Value(value) => Some(Found::Value(value)),
        Asked::Integer(number) => Some(Found::Value(value::Value::Long(number))),
        Asked::Id(text) | Asked::Text(text) => Some(Found::Value(value::Value::String(text))),
        Asked::Time(_) | Asked::Properties(_) | Asked::SystemProperties(_) | Asked::Body(_) => None,
    }
}

fn number(found: Found<'_>) -> Option<(Cow<'_, str>, f64)> {
    if let Some(value) = found.as_f64() {
        let text = match found {
            Found::Json(text) => Cow::Borrowed(text),
            Found::Value(_) => Cow::Owned(value.to_string()),
        };
        return Some((text, value)).filter(|_| value.is_finite());
    }
    let text = match found {
        Found::Json(text) => text.strip_prefix('"')?.strip_suffix('"')?.trim(),
        Found::Value(value) => value.as_str()?.trim(),
    };
    Some((Cow::Borrowed(text), number_in(text)?))
}

/// Texts such as `inf` are read as numbers elsewhere, and are words here.
fn number_in(text: &str) -> Option<f64> {
    let digits = text.trim_start_matches(['-', '+']);
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    text.parse()
        .ok()
        .filter(|value: &f64| is_number && value.is_finite())
}

/// Everything that is plotted.
#[derive(Debug)]
pub(super) struct Plot {
    fields: Vec<Field>,
    /// Which of them have come.
    come: Vec<bool>,
    series: Vec<Series>,
    /// Values that belong to lines beyond [`MOST_SERIES`].
    left_out: u64,
    events: u64,
    /// Names of numeric fields that came, as long as that is of use.
    names: BTreeSet<String>,
    is_told: bool,
    /// How many JSON bodies were looked into for names of fields.
    looked_into: u64,
    told: Vec<String>,
}

impl Plot {
    /// Nothing came yet of these fields.
    pub(super) fn new(fields: &[Field]) -> Self {
        Self {
            fields: fields.to_vec(),
            come: vec![false; fields.len()],
            series: Vec::new(),
            left_out: 0,
            events: 0,
            names: BTreeSet::new(),
            is_told: false,
            looked_into: 0,
            told: Vec::new(),
        }
    }

    /// Takes an event. Its values are appended to `values`, where somebody wants them: a line each of the time,
    /// the device, the field and the value, with tabs between them.
    pub(super) fn take(&mut self, view: &View<'_>, mut values: Option<&mut Vec<u8>>) {
        let device = view.event.device_id.unwrap_or_default();
        let enqueued_ms = view.event.enqueued_time_ms;
        self.events += 1;
        for index in 0..self.fields.len() {
            let field = &self.fields[index];
            let Some((text, value)) = field.find(view) else {
                continue;
            };
            self.come[index] = true;
            if let Some(values) = &mut values {
                write_line(enqueued_ms, device, &field.name, &text, values);
            }
            self.keep(device, index, enqueued_ms, value);
        }
        if !self.is_told {
            self.look_for_missing(view);
        }
    }

    fn keep(&mut self, device: &str, field: usize, enqueued_ms: i64, value: f64) {
        let field = &self.fields[field].name;
        let known = self
            .series
            .iter()
            .position(|known| *known.device == *device && known.field == *field);
        if known.is_none() && self.series.len() == MOST_SERIES {
            self.left_out += 1;
            return;
        }
        let index = known.unwrap_or(self.series.len());
        if known.is_none() {
            self.series.push(Series {
                device: device.into(),
                field: field.clone(),
                points: VecDeque::new(),
            });
        }
        let series = &mut self.series[index];
        if series.points.len() == MOST_POINTS {
            series.points.pop_front();
        }
        series.points.push_back((enqueued_ms, value));
    }

    /// After some events, says which fields did not come, and which there are.
    fn look_for_missing(&mut self, view: &View<'_>) {
        if let Some(properties) = &view.event.message.application_properties {
            collect_properties(properties, &mut self.names);
        }
        let json = match view.body.content {
            Content::Bytes(bytes) => serde_json::from_slice(bytes).ok(),
            Content::Empty | Content::Value(_) | Content::Lists(_) => None,
        };
        if let Some(body) = json {
            self.looked_into += 1;
            collect_names(&body, "", &mut self.names);
        }
        // Bodies without JSON may be another device's, and so may a field be as long as others are plotted.
        let is_clear = self.looked_into >= ENOUGH && !self.come.contains(&true);
        if !is_clear && self.events < PATIENT {
            return;
        }
        self.conclude();
    }

    /// Says which fields did not come at all, and which there are, unless that was said.
    pub(super) fn conclude(&mut self) {
        if std::mem::replace(&mut self.is_told, true) || self.events == 0 {
            return;
        }
        let missing = self
            .fields
            .iter()
            .zip(&self.come)
            .filter(|(_, come)| !**come);
        let missing: Vec<String> = missing
            .map(|(field, _)| format!("{:?}", field.name))
            .collect();
        let names = std::mem::take(&mut self.names);
        if missing.is_empty() {
            return;
        }
        let names: Vec<String> = names.into_iter().collect();
        let there_are = if names.is_empty() {
            "their bodies hold no numbers in JSON".to_owned()
        } else {
            format!("numeric fields are {}", names.join(", "))
        };
        self.told.push(format!(
            "no number under {} in the first {} events; {there_are}",
            missing.join(", "),
            self.events
        ));
    }

    /// What the user should be told.
    pub(super) fn words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// The lines.
    pub(super) fn series(&self) -> &[Series] {
        &self.series
    }

    /// The fields, and how many events came.
    pub(super) fn awaited(&self) -> (Vec<&str>, u64) {
        let names = self.fields.iter().map(|field| &*field.name);
        (names.collect(), self.events)
    }

    /// How many values were left out for there are too many lines.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }
}

fn collect_properties(properties: &Items<'_>, names: &mut BTreeSet<String>) {
    for (key, value) in properties.pairs().map_while(Result::ok) {
        if let Some(key) = key.as_str()
            && names.len() < MOST_NAMES
            && number(Found::Value(value)).is_some()
        {
            names.insert(below("properties", key));
        }
    }
}

/// The path to a key of what stands at `path`.
fn below(path: &str, key: &str) -> String {
    let below = format!("{path}{}", Path::to_key(key));
    // No name stands before the first dot.
    below.strip_prefix('.').unwrap_or(&below).to_owned()
}

fn collect_names(value: &Value, path: &str, names: &mut BTreeSet<String>) {
    if names.len() >= MOST_NAMES {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect_names(value, &below(path, name), names);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate().take(MOST_NAMES) {
                collect_names(value, &format!("{path}[{index}]"), names);
            }
        }
        Value::Number(_) if !path.is_empty() => {
            names.insert(path.to_owned());
        }
        Value::String(text) if !path.is_empty() && number_in(text).is_some() => {
            names.insert(path.to_owned());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn write_line(enqueued_ms: i64, device: &str, field: &str, value: &str, out: &mut Vec<u8>) {
    if !write_time(enqueued_ms, out) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{enqueued_ms}");
    }
    for text in [device, field, value] {
        out.push(b'\t');
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let _ = write!(out, "{}", text.chars().map(shown).collect::<String>());
    }
    out.push(b'\n');
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::identifier::SequenceNumber;
    use crate::protocol::amqp::event::Event;
    use crate::protocol::amqp::message::Message;
    use crate::render::decode::{Reading, Shown};

    const ONE: Content<'_> = Content::Bytes(br#"{"t":1}"#);

    fn plot(fields: &[&str]) -> Plot {
        let fields: Vec<Field> = fields
            .iter()
            .map(|text| Field::parse(text).unwrap())
            .collect();
        Plot::new(&fields)
    }

    /// Takes an event of which nothing counts but this.
    pub(in super::super) fn take(
        plot: &mut Plot,
        device: &str,
        enqueued_time_ms: i64,
        content: Content<'_>,
        values: Option<&mut Vec<u8>>,
    ) {
        let event = Event {
            sequence_number: SequenceNumber(0),
            offset: "",
            enqueued_time_ms,
            device_id: Some(device),
            module_id: None,
            has_further_annotations: false,
            source: None,
            message: Message::default(),
            payload: &[],
        };
        let body = Reading {
            content,
            shown: Shown::Plain(content),
            is_as_asked: true,
        };
        let view = View {
            partition: "0",
            event: &event,
            body,
        };
        plot.take(&view, values);
    }

    #[test]
    fn fields_are_found_by_their_path() {
        let mut plot = plot(&["t", "body.h", "gps[0]", "[\"a.b\"].c", "body.x", "s"]);
        let mut values = Vec::new();
        let body = br#"{"t":24.50,"h":"61","gps":[7.5],"a.b":{"c":-1e3},"body":{"x":1},"s":"inf"}"#;
        take(
            &mut plot,
            "d\t1",
            1_525_338_803_008,
            Content::Bytes(body),
            Some(&mut values),
        );
        let text = String::from_utf8(values).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "2018-05-03T09:13:23.008Z\td 1\tt\t24.50",
                "2018-05-03T09:13:23.008Z\td 1\tbody.h\t61",
                "2018-05-03T09:13:23.008Z\td 1\tgps[0]\t7.5",
                "2018-05-03T09:13:23.008Z\td 1\t[\"a.b\"].c\t-1e3",
                "2018-05-03T09:13:23.008Z\td 1\tbody.x\t1",
            ]
        );
        assert_eq!(plot.series().len(), 5);
    }

    #[test]
    fn what_did_not_come_is_told_once_with_what_did() {
        let mut plot = plot(&["temp", "humidity"]);
        for _ in 0..9 {
            let body = br#"{"temperature":1,"in":[{"humidity":"2","a b":1}],"x":"y"}"#;
            take(&mut plot, "d", 0, Content::Bytes(body), None);
        }
        assert_eq!(
            plot.words(),
            [
                "no number under \"temp\", \"humidity\" in the first 5 events; numeric fields are in[0].humidity, in[0][\"a b\"], temperature"
            ]
        );
        assert!(plot.words().is_empty());
    }

    #[test]
    fn bodies_without_numbers_are_told_as_well() {
        let mut plot = plot(&["t"]);
        for _ in 0..PATIENT {
            take(&mut plot, "d", 0, Content::Bytes(b"\xff\x00 no"), None);
        }
        assert_eq!(
            plot.words(),
            ["no number under \"t\" in the first 50 events; their bodies hold no numbers in JSON"]
        );
    }

    #[test]
    fn lines_and_points_are_bounded() {
        let mut plot = plot(&["t"]);
        for time in 0..MOST_POINTS + 10 {
            take(&mut plot, "d", i64::try_from(time).unwrap(), ONE, None);
        }
        for number in 0..20 {
            take(&mut plot, &format!("d{number}"), 0, ONE, None);
        }
        assert_eq!(plot.series().len(), MOST_SERIES);
        assert_eq!(plot.series()[0].points.len(), MOST_POINTS);
        assert_eq!(plot.series()[0].points[0].0, 10);
        assert_eq!(plot.left_out(), 9);
    }
}
