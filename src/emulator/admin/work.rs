//! What whoever runs the hub has done to it while it runs, carried out.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::AdminError;
use super::request::{Asked, PATHS};
use crate::emulator::connections::{Detachment, Links, Order, Selection, Shown};
use crate::emulator::desk::Desk;
use crate::emulator::fault::Wire;
use crate::emulator::fault::standing::Standings;
use crate::emulator::hub::command::{Adjustment, Command};

/// How long connections have to say how many links they have detached.
const DETACHING: Duration = Duration::from_secs(5);

impl Desk {
    pub(super) async fn carry_out(&self, asked: Asked) -> Result<Value, AdminError> {
        match asked {
            Asked::Overview => Ok(overview()),
            Asked::Faults => Ok(self.faults()),
            Asked::Add(trouble) => {
                let change = || self.mischief.add(self.clock.machine_now(), trouble);
                let id = self.change(change).await?;
                let told = self.mischief.told();
                let told = told.iter().find(|told| told.id == id);
                let spec = told.map(|told| told.trouble.to_string());
                Ok(json!({ "id": id, "fault": spec }))
            }
            Asked::Remove(id) => {
                let gone = self.change(|| self.mischief.remove(id)).await?;
                if let Some(id) = id.filter(|_| gone.is_empty()) {
                    return Err(not_there("fault", id));
                }
                let gone: Vec<String> = gone.iter().map(ToString::to_string).collect();
                Ok(json!({ "removed": gone }))
            }
            Asked::Connections => {
                let shown: Vec<Value> = self.connections.shown().iter().map(show).collect();
                Ok(json!({ "connections": shown }))
            }
            Asked::Drop(whom) => {
                let count = self.connections.tell(&whom, &Order::Drop);
                if let Some(id) = whom.id.filter(|_| count == 0) {
                    return Err(not_there("connection", id));
                }
                Ok(json!({ "dropped": count }))
            }
            Asked::Detach(links, condition) => {
                let count = self.detach(links, condition).await;
                Ok(json!({ "detached": count }))
            }
            Asked::EndTokens(device) => {
                let whom = Selection {
                    device: device.clone(),
                    ..Selection::default()
                };
                self.adjust(Adjustment::EndTokens { device }).await?;
                let count = self.connections.tell(&whom, &Order::EndTokens);
                Ok(json!({ "connections": count }))
            }
            Asked::FillQuota => {
                self.adjust(Adjustment::FillQuota).await?;
                Ok(json!({ "filled": true }))
            }
            Asked::EmptyQuota => {
                self.adjust(Adjustment::EmptyQuota).await?;
                Ok(json!({ "filled": false }))
            }
        }
    }

    fn faults(&self) -> Value {
        let told = self.mischief.told().into_iter().map(|told| {
            json!({
                "id": told.id,
                "fault": told.trouble.to_string(),
                "chances": told.chances,
                "strikes": told.strikes,
            })
        });
        json!({ "faults": told.collect::<Vec<_>>() })
    }

    /// Changes what goes wrong; what is so all the time is so at once.
    async fn change<T>(&self, change: impl FnOnce() -> T) -> Result<T, AdminError> {
        let _turn = self.turn.lock().await;
        let standings = || Standings::of(self.mischief.told().iter().map(|told| &told.trouble));
        let before = standings();
        let outcome = change();
        let after = standings();
        if after.ahead != before.ahead {
            self.clock.set(after.ahead);
            self.hub.look_at_the_clock().await;
            self.tell_all(&Order::LookAtTheClock);
        }
        if after.early != before.early {
            let early = TimeDelta::from_std(after.early).unwrap_or(TimeDelta::MAX);
            self.adjust(Adjustment::ShortenTokens(early)).await?;
            let seconds = |early: Duration| i64::try_from(early.as_secs()).unwrap_or(i64::MAX);
            let sooner = seconds(after.early).saturating_sub(seconds(before.early));
            self.tell_all(&Order::ShortenTokens(sooner));
        }
        if after.quota != before.quota {
            self.adjust(Adjustment::Quota(after.quota)).await?;
        }
        Ok(outcome)
    }

    fn tell_all(&self, order: &Order) {
        self.connections.tell(&Selection::default(), order);
    }

    async fn adjust(&self, adjustment: Adjustment) -> Result<(), AdminError> {
        let answer = self.hub.ask(Command::Adjust(adjustment)).await;
        answer.map(|_| ()).map_err(|refusal| AdminError::Hub {
            reason: refusal.message,
        })
    }

    async fn detach(&self, links: Links, condition: &'static str) -> usize {
        let (done, mut counts) = mpsc::unbounded_channel();
        let whom = Selection {
            wire: Some(Wire::Amqp),
            device: links.device.clone(),
            id: None,
        };
        let order = Order::Detach(Detachment {
            links,
            condition,
            done,
        });
        self.connections.tell(&whom, &order);
        // With this one the last sender but those of the connections goes.
        drop(order);
        let end = Instant::now() + DETACHING;
        let mut count = 0;
        while let Ok(Some(more)) = timeout_at(end, counts.recv()).await {
            count += more;
        }
        count
    }
}

fn not_there(what: &'static str, id: u64) -> AdminError {
    AdminError::NotThere {
        what,
        id: id.to_string(),
    }
}

fn overview() -> Value {
    let path = |(method, path, what): &(&str, &str, &str)| json!({ "method": method, "path": path, "does": what });
    json!({ "paths": PATHS.iter().map(path).collect::<Vec<_>>() })
}

fn show(shown: &Shown) -> Value {
    json!({ "id": shown.id, "on": shown.wire.name(), "devices": shown.devices })
}
