//! Who is connected, for whoever runs the hub: to look at, to cut off, and to have its links detached or its tokens ended.
//!
//! A connection takes a [`Seat`] and listens there for [`Order`]s. Knows nothing of sockets, frames or the hub.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::fault::Wire;
use super::hub::credential::Certificate;
use crate::model::glob::Glob;
use crate::tracer::Tracer;

/// Why a connection ends that was told to.
pub(super) const ORDERED: &str = "by order of the admin port";

/// How many devices of a connection are told of by name.
const MOST_TOLD: usize = 3;

/// All connections; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    table: Arc<Mutex<Table>>,
    tracer: Tracer,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    taken: BTreeMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    wire: Wire,
    devices: BTreeSet<String>,
    orders: mpsc::UnboundedSender<Order>,
}

/// What a connection is told to do.
#[derive(Debug, Clone)]
pub enum Order {
    /// End, without a word.
    Drop,
    /// Detach links of AMQP.
    Detach(Detachment),
    /// Every token that was shown has ended.
    EndTokens,
    /// Tokens end so many seconds sooner than it was said, or later where that is less than nothing.
    ShortenTokens(i64),
    /// The clock has been set.
    LookAtTheClock,
}

/// Which links are detached.
#[derive(Debug, Clone)]
pub struct Detachment {
    /// Which.
    pub links: Links,
    /// The error condition that says why.
    pub condition: &'static str,
    /// Where their number goes, as soon as they are.
    pub done: mpsc::UnboundedSender<usize>,
}

/// Links of AMQP; all but those of `$cbs` and `$management` where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Of these devices or their modules.
    pub device: Option<Glob>,
    /// Of readers of this partition.
    pub partition: Option<String>,
    /// For this.
    pub kind: Option<LinkKind>,
}

/// What a link of AMQP is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// A reader gets events.
    Reader,
    /// A device or module sends events.
    Events,
    /// A device or module gets messages.
    Messages,
    /// A device or module works on its twin.
    Twin,
    /// A device or module is called.
    Methods,
    /// A service sends messages to devices.
    Service,
    /// A service hears what became of them.
    Feedback,
}

impl LinkKind {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("reader", Self::Reader),
        ("events", Self::Events),
        ("messages", Self::Messages),
        ("twin", Self::Twin),
        ("methods", Self::Methods),
        ("service", Self::Service),
        ("feedback", Self::Feedback),
    ];
}

impl Links {
    /// Whether a link is one of them.
    #[must_use]
    pub fn hold(&self, kind: LinkKind, device: Option<&str>, partition: Option<&str>) -> bool {
        let is_of = |pattern: &Glob| device.is_some_and(|device| pattern.matches(device));
        self.kind.is_none_or(|wanted| wanted == kind)
            && self.device.as_ref().is_none_or(is_of)
            && (self.partition.is_none() || self.partition.as_deref() == partition)
    }
}

/// Some of the connections; all where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The one of this number.
    pub id: Option<u64>,
    /// Those on which this is spoken.
    pub wire: Option<Wire>,
    /// Those of these devices or their modules.
    pub device: Option<Glob>,
}

/// A connection as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its number: counted from 1, in the order in which they came.
    pub id: u64,
    /// What is spoken.
    pub wire: Wire,
    /// The devices that it speaks for, as far as it has said; over HTTPS the one that asked last.
    pub devices: Vec<String>,
}

impl Connections {
    /// Nobody yet; who comes and goes is told to this tracer.
    #[must_use]
    pub fn new(tracer: Tracer) -> Self {
        let table = Arc::default();
        Self { table, tracer }
    }

    /// Who is told of what goes on.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Whoever panicked with the lock has left nothing half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection that has come.
    #[must_use]
    pub fn enter(&self, wire: Wire) -> Seat {
        let (sender, orders) = mpsc::unbounded_channel();
        let mut table = self.table();
        table.last += 1;
        let id = table.last;
        let taken = Taken {
            wire,
            devices: BTreeSet::new(),
            orders: sender,
        };
        table.taken.insert(id, taken);
        drop(table);
        let seat = Seat {
            name: SeatName {
                id,
                connections: self.clone(),
            },
            orders,
            certificate: None,
            end: None,
        };
        seat.name.tell(|| "comes".to_owned());
        seat
    }

    /// Everyone who is there.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let table = self.table();
        let show = |(id, taken): (&u64, &Taken)| Shown {
            id: *id,
            wire: taken.wire,
            devices: taken.devices.iter().cloned().collect(),
        };
        table.taken.iter().map(show).collect()
    }

    /// Tells some of them something; how many.
    #[expect(
        clippy::must_use_candidate,
        reason = "the number is for those who want it"
    )]
    pub fn tell(&self, whom: &Selection, order: &Order) -> usize {
        let table = self.table();
        let is_meant = |(id, taken): &(&u64, &Taken)| {
            let of = |pattern: &Glob| taken.devices.iter().any(|id| pattern.matches(id));
            whom.id.is_none_or(|wanted| wanted == **id)
                && whom.wire.is_none_or(|wire| wire == taken.wire)
                && whom.device.as_ref().is_none_or(of)
        };
        let meant = table.taken.iter().filter(is_meant);
        meant
            .filter(|(_, taken)| taken.orders.send(order.clone()).is_ok())
            .count()
    }
}

/// A connection's place; free again when it is dropped.
#[derive(Debug)]
pub struct Seat {
    name: SeatName,
    orders: mpsc::UnboundedReceiver<Order>,
    certificate: Option<Arc<Certificate>>,
    /// Why the connection ends, where that is told.
    end: Option<String>,
}

/// What a connection says of itself.
#[derive(Debug, Clone)]
pub struct SeatName {
    id: u64,
    connections: Connections,
}

impl Seat {
    /// What is to be done next; pends while there is nothing. Loses nothing when it is dropped.
    pub async fn order(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }

    /// Waits until the connection is to end; other orders are not for this part of it.
    pub async fn dropped(&mut self) {
        while !matches!(self.order().await, Order::Drop) {}
        self.explain(|| ORDERED.to_owned());
    }

    /// The client has proven itself with this, or with nothing.
    pub fn prove(&mut self, certificate: Option<Certificate>) {
        self.certificate = certificate.map(Arc::new);
    }

    /// What the client has proven itself with below whatever is spoken, if with anything.
    #[must_use]
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.certificate.clone()
    }

    /// Says why the connection ends; the first reason is the one.
    pub fn explain(&mut self, why: impl FnOnce() -> String) {
        if self.end.is_none() && self.name.is_traced() {
            self.end = Some(why());
        }
    }

    /// To say something of the connection with.
    #[must_use]
    pub fn name(&self) -> SeatName {
        self.name.clone()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let end = self.end.take();
        let why = || end.unwrap_or_else(|| "the client has gone".to_owned());
        self.name.tell(|| format!("ends: {}", why()));
        self.name.connections.table().taken.remove(&self.name.id);
    }
}

impl SeatName {
    fn change(&self, change: impl FnOnce(&mut Taken)) {
        if let Some(taken) = self.connections.table().taken.get_mut(&self.id) {
            change(taken);
        }
    }

    /// Whether anyone is told of the connection.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.connections.tracer.is_on()
    }

    /// Tells something of the connection, where somebody is told.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        self.connections.tracer.line(|| {
            let table = self.connections.table();
            let taken = table.taken.get(&self.id);
            let wire = taken.map_or("", |taken| taken.wire.name());
            let mut line = format!("{wire} {}", self.id);
            if let Some(taken) = taken {
                for device in taken.devices.iter().take(MOST_TOLD) {
                    line.push(' ');
                    line.push_str(device);
                }
                if taken.devices.len() > MOST_TOLD {
                    line.push_str(" …");
                }
            }
            drop(table);
            format!("{line}: {}", what())
        });
    }

    /// Something else is spoken from now on.
    pub fn speak(&self, wire: Wire) {
        self.change(|taken| taken.wire = wire);
    }

    /// It speaks for this device.
    pub fn note(&self, device: &str) {
        self.change(|taken| {
            if !taken.devices.contains(device) {
                taken.devices.insert(device.to_owned());
            }
        });
    }

    /// It speaks for this device and no other.
    pub fn note_only(&self, device: &str) {
        self.change(|taken| {
            if !taken.devices.contains(device) {
                taken.devices = BTreeSet::from([device.to_owned()]);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn some_are_told_and_who_has_gone_is_not() {
        let connections = Connections::default();
        let mut one = connections.enter(Wire::Https);
        one.name().note_only("d1");
        one.name().note_only("d2");
        let mut two = connections.enter(Wire::Https);
        two.name().speak(Wire::Mqtt);
        two.name().note("d1");
        let three = connections.enter(Wire::Amqp);
        let shown = connections.shown();
        let brief = |shown: &Shown| (shown.id, shown.wire, shown.devices.join(" "));
        assert_eq!(
            shown.iter().map(brief).collect::<Vec<_>>(),
            [
                (1, Wire::Https, "d2".to_owned()),
                (2, Wire::Mqtt, "d1".to_owned()),
                (3, Wire::Amqp, String::new()),
            ]
        );
        let of = |pattern: &str| Selection {
            device: Some(Glob::new(pattern).unwrap()),
            ..Selection::default()
        };
        assert_eq!(connections.tell(&of("d?"), &Order::LookAtTheClock), 2);
        drop(three);
        assert_eq!(connections.tell(&Selection::default(), &Order::Drop), 2);
        one.dropped().await;
        assert!(matches!(two.order().await, Order::LookAtTheClock));
        let wire = Selection {
            wire: Some(Wire::Https),
            ..Selection::default()
        };
        assert_eq!(connections.tell(&wire, &Order::EndTokens), 1);
        let id = Selection {
            id: Some(2),
            ..Selection::default()
        };
        assert_eq!(connections.tell(&id, &Order::EndTokens), 1);
        drop((one, two));
        assert_eq!(connections.shown(), []);
    }

    #[test]
    fn links_are_chosen_by_all_that_is_named() {
        let links = Links {
            device: Some(Glob::new("d*").unwrap()),
            kind: Some(LinkKind::Events),
            partition: None,
        };
        assert!(links.hold(LinkKind::Events, Some("d1"), None));
        assert!(!links.hold(LinkKind::Twin, Some("d1"), None));
        assert!(!links.hold(LinkKind::Events, None, None));
        let partition = Links {
            partition: Some("0".to_owned()),
            ..Links::default()
        };
        assert!(partition.hold(LinkKind::Reader, None, Some("0")));
        assert!(!partition.hold(LinkKind::Reader, None, Some("1")));
        assert!(!partition.hold(LinkKind::Events, Some("d1"), None));
        assert!(Links::default().hold(LinkKind::Feedback, None, None));
    }
}
