//! Which events are shown. Pure.

use clap::ValueEnum;

use crate::model::glob::Glob;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::message::Body;
use crate::protocol::amqp::source::MessageSource;
use crate::render::BodyFormat;
use crate::render::condition::Condition;
use crate::render::decode::BodyReader;
use crate::render::field::{Field, View};

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Source {
    /// What devices send
    Telemetry,
    /// Changes of twins
    Twin,
    /// Devices and modules made and deleted
    Lifecycle,
    /// Devices that connect and disconnect
    Connection,
}

impl Source {
    /// Whether a message whose annotation says `annotation` comes from here.
    fn is(self, annotation: Option<&str>) -> bool {
        let wanted = match self {
            Self::Telemetry => MessageSource::Telemetry,
            Self::Twin => MessageSource::Twin,
            Self::Lifecycle => MessageSource::Lifecycle,
            Self::Connection => MessageSource::Connection,
        };
        MessageSource::of(annotation) == Some(wanted)
    }
}

/// What leaves an event out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// Another device's.
    Device,
    /// Another module's, or none's.
    Module,
    /// From elsewhere.
    Source,
    /// Not as the conditions say.
    Conditions,
}

/// Which events are shown, and how many.
#[derive(Debug)]
pub(super) struct Selection {
    /// The device's id, or a pattern of ids; all devices without it.
    pub device: Option<Glob>,
    /// The module's id, or a pattern of ids; all without it.
    pub module: Option<Glob>,
    /// From where; from everywhere when there is none.
    pub sources: Vec<Source>,
    /// All of these have to hold.
    pub conditions: Vec<Condition>,
    /// How many; all without it.
    pub count: Option<u64>,
    /// Reads the bodies that conditions ask for.
    bodies: BodyReader,
    asks_for_bodies: bool,
    /// What conditions need and no event had that came to them; empty once one was as they say.
    missing: Vec<Field>,
    /// Those of them without which the conditions cannot hold.
    required: Vec<Field>,
}

impl Selection {
    /// A selection whose conditions see bodies as they are shown.
    pub(super) fn new(
        device: Option<Glob>,
        module: Option<Glob>,
        sources: Vec<Source>,
        conditions: Vec<Condition>,
        count: Option<u64>,
        body: BodyFormat,
    ) -> Self {
        // Of all the ways to show a body, only this one changes what is in it.
        let body = match body {
            BodyFormat::Cbor => BodyFormat::Cbor,
            BodyFormat::Auto
            | BodyFormat::Text
            | BodyFormat::Json
            | BodyFormat::Hex
            | BodyFormat::Base64 => BodyFormat::Auto,
        };
        let mut missing: Vec<Field> = Vec::new();
        for field in conditions.iter().flat_map(Condition::needed) {
            if !missing.contains(field) {
                missing.push(field.clone());
            }
        }
        let required = conditions.iter().flat_map(Condition::required);
        Self {
            missing,
            required: required.cloned().collect(),
            asks_for_bodies: conditions.iter().any(Condition::asks_for_the_body),
            device,
            module,
            sources,
            conditions,
            count,
            bodies: BodyReader::new(body),
        }
    }

    /// What leaves an event out, if anything does: the first that does.
    pub(super) fn leaves_out(&mut self, partition: &str, event: &Event<'_>) -> Option<Filter> {
        let is_one = |glob: &Option<Glob>, id: Option<&str>| match glob {
            Some(glob) => id.is_some_and(|id| glob.matches(id)),
            None => true,
        };
        let is_from = |source: &Source| source.is(event.source);
        if !is_one(&self.device, event.device_id) {
            Some(Filter::Device)
        } else if !is_one(&self.module, event.module_id) {
            Some(Filter::Module)
        } else if !self.sources.is_empty() && !self.sources.iter().any(is_from) {
            Some(Filter::Source)
        } else if !self.holds(partition, event) {
            Some(Filter::Conditions)
        } else {
            None
        }
    }

    /// What the conditions need and no event had that came to them.
    pub(super) fn missing(&self) -> &[Field] {
        &self.missing
    }

    fn holds(&mut self, partition: &str, event: &Event<'_>) -> bool {
        if self.conditions.is_empty() {
            return true;
        }
        let body = if self.asks_for_bodies {
            event.message.body
        } else {
            Body::Empty
        };
        let view = View {
            partition,
            event,
            body: self.bodies.read(&body),
        };
        self.missing.retain(|field| field.of(&view).is_none());
        // What was looked for in vain just now need not be looked for again.
        if self
            .missing
            .iter()
            .any(|field| self.required.contains(field))
        {
            return false;
        }
        let holds = self
            .conditions
            .iter()
            .all(|condition| condition.holds(&view));
        if holds {
            self.missing.clear();
        }
        holds
    }

    /// Whether an event was left out only for the case of its device's letters.
    pub(super) fn is_other_case(&self, event: &Event<'_>) -> bool {
        let wanted = self.device.as_ref().and_then(Glob::literal);
        wanted
            .zip(event.device_id)
            .is_some_and(|(wanted, id)| id != wanted && id.eq_ignore_ascii_case(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::message::MessageWriter;
    use chrono::DateTime;

    fn payload(annotations: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut message = MessageWriter::new(&mut out);
        message.message_annotations(|w| {
            w.symbol("x-opt-sequence-number");
            w.long(0);
            for (name, value) in annotations {
                w.symbol(name);
                w.string(value);
            }
        });
        message.data(b"{\"t\":1}");
        out
    }

    fn takes(selection: &mut Selection, annotations: &[(&str, &str)]) -> bool {
        let payload = payload(annotations);
        let event = Event::parse(&payload).unwrap();
        selection.leaves_out("0", &event).is_none()
    }

    fn all() -> Selection {
        Selection::new(None, None, vec![], vec![], None, BodyFormat::Auto)
    }

    #[test]
    fn modules_are_picked() {
        let mut selection = all();
        selection.module = Some(Glob::new("cam*").unwrap());
        let module = |id| ("iothub-connection-module-id", id);
        assert!(takes(&mut selection, &[module("camera")]));
        assert!(!takes(&mut selection, &[module("motor")]));
        assert!(!takes(&mut selection, &[]));
    }

    #[test]
    fn every_source_has_its_name() {
        let source = |name| ("iothub-message-source", name);
        for (wanted, name, expected) in [
            (Source::Telemetry, "Telemetry", true),
            (Source::Telemetry, "twinChangeEvents", false),
            (Source::Twin, "twinChangeEvents", true),
            (Source::Lifecycle, "deviceLifecycleEvents", true),
            (Source::Lifecycle, "moduleLifecycleEvents", true),
            (Source::Connection, "deviceConnectionStateEvents", true),
            (Source::Connection, "Telemetry", false),
        ] {
            let mut selection = all();
            selection.sources = vec![wanted];
            assert_eq!(takes(&mut selection, &[source(name)]), expected, "{name}");
        }
        let mut selection = all();
        selection.sources = vec![Source::Telemetry];
        assert!(takes(&mut selection, &[]));
        selection.sources = vec![Source::Twin];
        assert!(!takes(&mut selection, &[]));
    }

    #[test]
    fn the_first_filter_that_leaves_an_event_out_is_named() {
        let mut selection = all();
        selection.device = Some(Glob::new("d*").unwrap());
        selection.module = Some(Glob::new("m").unwrap());
        selection.sources = vec![Source::Twin];
        let payload = payload(&[("iothub-connection-device-id", "d1")]);
        let event = Event::parse(&payload).unwrap();
        assert_eq!(selection.leaves_out("0", &event), Some(Filter::Module));
        selection.module = None;
        assert_eq!(selection.leaves_out("0", &event), Some(Filter::Source));
        selection.device = Some(Glob::new("e*").unwrap());
        assert_eq!(selection.leaves_out("0", &event), Some(Filter::Device));
    }

    #[test]
    fn what_no_event_had_is_known() {
        let condition =
            "(body.x > 1 or body['a b'][0] exists) and not body.z and body.t = 2 and body.y != 1";
        let condition = Condition::parse(condition, DateTime::UNIX_EPOCH).unwrap();
        let mut selection =
            Selection::new(None, None, vec![], vec![condition], None, BodyFormat::Auto);
        assert!(!takes(&mut selection, &[]));
        let missing: Vec<String> = selection.missing().iter().map(Field::to_string).collect();
        assert_eq!(missing, ["body.x", "body[\"a b\"][0]"]);
    }

    #[test]
    fn all_conditions_have_to_hold() {
        let condition = |text| Condition::parse(text, DateTime::UNIX_EPOCH).unwrap();
        for (conditions, expected) in [
            (vec!["body.t = 1"], true),
            (vec!["body.t = 1", "sequenceNumber = 0"], true),
            (vec!["body.t = 1", "sequenceNumber = 1"], false),
            (vec!["sequenceNumber = 0"], true),
        ] {
            let conditions = conditions.into_iter().map(condition).collect();
            let mut selection =
                Selection::new(None, None, vec![], conditions, None, BodyFormat::Auto);
            assert_eq!(takes(&mut selection, &[]), expected);
        }
    }
}
