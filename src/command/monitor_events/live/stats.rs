//! What `--stats` counts. Pure: times are passed in, nothing is read or drawn here.
//!
//! Memory stays bounded: so many devices are kept one by one, and what further ones send is summed up.

use std::collections::HashMap;
use std::time::Duration;

use super::window::Window;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::message::Body;
use crate::protocol::amqp::value::Value;

/// How many devices are kept one by one.
pub(super) const MOST_DEVICES: usize = 10_000;

/// What a message is metered by in the paid tiers, in bytes (learn.microsoft.com, "Azure IoT Hub quotas and throttling").
const BLOCK: u64 = 4096;

/// The same in the free tier.
const FREE_BLOCK: u64 = 512;

/// A silence is told when it is so many times as long as a device's usual interval.
const STRIKING: f64 = 3.0;

/// An event as it is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    /// The device that sent it; empty when it did not come through a hub.
    pub device: &'a str,
    /// Bytes as the hub counts them: the body, values of system properties, names and values of the sender's own.
    pub bytes: u64,
    /// Whether it counts against the hub's daily messages: what the hub itself tells of its devices does not.
    pub is_metered: bool,
    /// When the hub enqueued it, in milliseconds since 1970.
    pub enqueued_ms: i64,
    /// From then until now.
    pub lag_ms: i64,
}

/// What was counted of a device, or of many.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub count: u64,
    pub bytes: u64,
    /// Messages of 4 KB that it costs.
    pub blocks: u64,
    /// Messages of 0.5 KB that it costs in the free tier.
    pub free_blocks: u64,
    /// When the last one came, counted from the start.
    pub last_at: Duration,
    /// That one's lag.
    pub lag_ms: i64,
    pub window: Window,
}

/// One device.
#[derive(Debug, Clone, Default)]
pub(super) struct Device {
    pub counted: Counted,
    pace: Pace,
}

/// The intervals between a device's events, by when they were enqueued.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    last_ms: Option<i64>,
    intervals: u64,
    sum_ms: u64,
    longest_ms: u64,
}

/// A partition, as far as it was read.
#[derive(Debug, Clone)]
struct Partition {
    id: Box<str>,
    last: i64,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Stats {
    devices: HashMap<Box<str>, Device>,
    /// What devices sent that are not kept one by one.
    others: Counted,
    total: Counted,
    partitions: Vec<Partition>,
    gaps: u64,
}

impl Stats {
    /// Follows a partition's numbers; to be told of every event, shown or not, for only then is a number that is missing
    /// an event that did not come.
    pub(super) fn follow(&mut self, partition: &str, number: i64) {
        let known = self
            .partitions
            .iter_mut()
            .find(|known| &*known.id == partition);
        let Some(known) = known else {
            return self.partitions.push(Partition {
                id: partition.into(),
                last: number,
            });
        };
        // A log that begins anew is another log, and misses nothing.
        let missing = number.saturating_sub(known.last).saturating_sub(1);
        self.gaps += u64::try_from(missing).unwrap_or(0);
        known.last = number;
    }

    /// Counts an event that came at `at`, counted from the start.
    pub(super) fn count(&mut self, sample: &Sample<'_>, at: Duration) {
        self.total.add(sample, at);
        if let Some(device) = self.devices.get_mut(sample.device) {
            return device.add(sample, at);
        }
        if self.devices.len() >= MOST_DEVICES {
            return self.others.add(sample, at);
        }
        let device = self.devices.entry(sample.device.into()).or_default();
        device.add(sample, at);
    }

    /// The devices that are kept, the busiest of the last minute first.
    pub(super) fn devices(&self, at: Duration) -> Vec<(&str, &Device)> {
        let mut devices: Vec<_> = self
            .devices
            .iter()
            .map(|(id, device)| (device.counted.window.sum(at), &**id, device))
            .collect();
        devices.sort_unstable_by(|(sum, id, device), (other_sum, other_id, other)| {
            let key = (*other_sum, other.counted.count);
            key.cmp(&(*sum, device.counted.count))
                .then_with(|| id.cmp(other_id))
        });
        devices
            .into_iter()
            .map(|(_, id, device)| (id, device))
            .collect()
    }

    /// How many devices are kept.
    pub(super) fn known(&self) -> usize {
        self.devices.len()
    }

    /// What others sent than those that are kept.
    pub(super) fn others(&self) -> &Counted {
        &self.others
    }

    /// All of it.
    pub(super) fn total(&self) -> &Counted {
        &self.total
    }

    /// How many sequence numbers were missing in the partitions, and how many partitions there were.
    pub(super) fn gaps(&self) -> (u64, usize) {
        (self.gaps, self.partitions.len())
    }
}

impl Counted {
    fn add(&mut self, sample: &Sample<'_>, at: Duration) {
        self.count += 1;
        self.bytes += sample.bytes;
        if sample.is_metered {
            self.blocks += sample.bytes.div_ceil(BLOCK).max(1);
            self.free_blocks += sample.bytes.div_ceil(FREE_BLOCK).max(1);
        }
        self.last_at = at;
        self.lag_ms = sample.lag_ms;
        self.window.add(at, 1);
    }

    /// Adds up what was counted apart.
    pub(super) fn sum<'a>(parts: impl Iterator<Item = &'a Self>, at: Duration) -> Self {
        parts.fold(Self::default(), |mut sum, part| {
            sum.count += part.count;
            sum.bytes += part.bytes;
            sum.blocks += part.blocks;
            sum.free_blocks += part.free_blocks;
            if part.count > 0 && part.last_at >= sum.last_at {
                (sum.last_at, sum.lag_ms) = (part.last_at, part.lag_ms);
            }
            sum.window.merge(&part.window, at);
            sum
        })
    }
}

impl Device {
    fn add(&mut self, sample: &Sample<'_>, at: Duration) {
        self.counted.add(sample, at);
        self.pace.add(sample.enqueued_ms);
    }

    /// The longest time between two events, and how many times its usual interval that is; only where it strikes. It
    /// says that the device was silent for so long, not that something was lost: the hub does not number a device's
    /// messages.
    pub(super) fn silence(&self) -> Option<(Duration, f64)> {
        let pace = &self.pace;
        let rest = pace.intervals.checked_sub(1).filter(|rest| *rest >= 2)?;
        let usual =
            super::window::float(pace.sum_ms - pace.longest_ms) / super::window::float(rest);
        let times = super::window::float(pace.longest_ms) / usual.max(1.0);
        (times >= STRIKING && pace.longest_ms >= 1000)
            .then(|| (Duration::from_millis(pace.longest_ms), times))
    }
}

impl Pace {
    fn add(&mut self, enqueued_ms: i64) {
        if let Some(last) = self.last_ms {
            let interval = u64::try_from(enqueued_ms.saturating_sub(last)).unwrap_or(0);
            self.intervals += 1;
            self.sum_ms += interval;
            self.longest_ms = self.longest_ms.max(interval);
        }
        self.last_ms = Some(enqueued_ms);
    }
}

/// An event as it is counted at `now_ms`, in milliseconds since 1970.
pub(super) fn sample<'a>(event: &Event<'a>, now_ms: i64) -> Sample<'a> {
    let is_telemetry = event
        .source
        .is_none_or(|source| source.eq_ignore_ascii_case("Telemetry"));
    Sample {
        device: event.device_id.unwrap_or_default(),
        bytes: bytes_of(event),
        is_metered: is_telemetry,
        enqueued_ms: event.enqueued_time_ms,
        lag_ms: now_ms.saturating_sub(event.enqueued_time_ms),
    }
}

/// The size that the hub reckons with (learn.microsoft.com, "Create and read IoT Hub messages").
fn bytes_of(event: &Event<'_>) -> u64 {
    let message = &event.message;
    let body = match &message.body {
        Body::Data(sections) => sections.iter().map(<[u8]>::len).sum(),
        Body::Value(value) => length(value),
        Body::Empty | Body::Sequence(_) => 0,
    };
    let properties = &message.properties;
    let ids = [properties.message_id(), properties.correlation_id()];
    let ids: usize = ids.iter().flatten().map(length).sum();
    let texts = [properties.content_type(), properties.content_encoding()];
    let texts: usize = texts.iter().flatten().map(|text| text.len()).sum();
    let own = message.application_properties.unwrap_or_default();
    let own: usize = own
        .pairs()
        .map_while(Result::ok)
        .map(|(name, value)| length(&name) + length(&value))
        .sum();
    let user = properties.user_id().map_or(0, <[u8]>::len);
    (body + ids + texts + user + own) as u64
}

/// The bytes of a value; what is neither text nor bytes does not come from devices over MQTT or HTTPS, and takes eight
/// at the most.
fn length(value: &Value<'_>) -> usize {
    match (value.as_str(), value.as_binary()) {
        (Some(text), _) => text.len(),
        (None, Some(bytes)) => bytes.len(),
        (None, None) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::reference;
    use proptest::prelude::*;

    fn sample_of(device: &str, bytes: u64, enqueued_ms: i64) -> Sample<'_> {
        Sample {
            device,
            bytes,
            is_metered: true,
            enqueued_ms,
            lag_ms: 5,
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn messages_cost_by_the_block_and_one_at_least() {
        let mut stats = Stats::default();
        for bytes in [0, 1, 512, 513, 4096, 4097] {
            stats.count(&sample_of("d", bytes, 0), at(0));
        }
        let total = stats.total();
        assert_eq!(
            (total.blocks, total.free_blocks),
            (7, 1 + 1 + 1 + 2 + 8 + 9)
        );
        let told_by_the_hub = Sample {
            is_metered: false,
            ..sample_of("d", 100, 0)
        };
        stats.count(&told_by_the_hub, at(0));
        assert_eq!((stats.total().count, stats.total().blocks), (7, 7));
    }

    #[test]
    fn an_event_has_the_size_that_the_hub_reckons_with() {
        let bytes = reference::bytes(reference::MESSAGE_D2C_RHEA);
        let event = Event::parse(&bytes).unwrap();
        let sample = sample(&event, event.enqueued_time_ms + 30);
        assert_eq!((sample.device, sample.lag_ms), ("sim000001", 30));
        assert!(sample.is_metered && sample.bytes > 0 && sample.bytes < bytes.len() as u64);
    }

    #[test]
    fn gaps_are_of_partitions() {
        let mut stats = Stats::default();
        for (partition, number) in [("0", 7), ("1", 3), ("0", 8), ("1", 6), ("0", 9)] {
            stats.follow(partition, number);
        }
        assert_eq!(stats.gaps(), (2, 2));
        // The hub was made anew.
        stats.follow("0", 0);
        stats.follow("0", 1);
        assert_eq!(stats.gaps(), (2, 2));
    }

    #[test]
    fn a_silence_is_told_where_it_strikes() {
        let mut stats = Stats::default();
        for enqueued in [0, 1000, 2000, 3000, 43_000, 44_000] {
            stats.count(&sample_of("d", 1, enqueued), at(1));
        }
        for enqueued in [0, 1000, 2100, 3000, 4500] {
            stats.count(&sample_of("steady", 1, enqueued), at(1));
        }
        for enqueued in [0, 40_000] {
            stats.count(&sample_of("young", 1, enqueued), at(1));
        }
        let silence = |id: &str| stats.devices[id].silence();
        assert_eq!(silence("d"), Some((at(40), 40.0)));
        assert_eq!((silence("steady"), silence("young")), (None, None));
    }

    #[test]
    fn the_busiest_come_first_and_the_rest_is_summed_up() {
        let mut stats = Stats::default();
        for number in 0..MOST_DEVICES + 5 {
            stats.count(&sample_of(&format!("d{number}"), 10, 0), at(0));
        }
        for _ in 0..3 {
            stats.count(&sample_of("d77", 10, 0), at(100));
        }
        stats.count(&sample_of("d5", 10, 0), at(100));
        let devices = stats.devices(at(101));
        assert_eq!(devices.len(), MOST_DEVICES);
        assert_eq!((devices[0].0, devices[1].0), ("d77", "d5"));
        assert_eq!((stats.others().count, stats.others().bytes), (5, 50));
    }

    proptest! {
        #[test]
        fn nothing_is_counted_twice_or_lost(
            events in prop::collection::vec((0u8..20, 0u64..10_000, 0u64..3), 0..200),
        ) {
            let (mut stats, mut now) = (Stats::default(), 0);
            for (device, bytes, step) in &events {
                now += step;
                stats.count(&sample_of(&device.to_string(), *bytes, 0), at(now));
            }
            let devices = stats.devices(at(now));
            let parts = devices.iter().map(|(_, device)| &device.counted);
            let sum = Counted::sum(parts.chain([stats.others()]), at(now));
            let total = stats.total();
            prop_assert_eq!(total.count, events.len() as u64);
            prop_assert_eq!(
                (sum.count, sum.bytes, sum.blocks, sum.free_blocks, sum.window.sum(at(now))),
                (total.count, total.bytes, total.blocks, total.free_blocks, total.window.sum(at(now)))
            );
            prop_assert!(total.blocks >= total.count && total.free_blocks >= total.blocks);
        }
    }
}
