//! What whoever runs the hub makes go wrong in it.

use chrono::{DateTime, Utc};

use super::Hub;
use super::command::Adjustment;

impl Hub {
    pub(super) fn adjust(&mut self, now: DateTime<Utc>, adjustment: &Adjustment) {
        match adjustment {
            Adjustment::ShortenTokens(by) => self.authority.shorten_tokens(*by),
            Adjustment::Quota(quota) => self.meter.limit(*quota),
            Adjustment::FillQuota => self.meter.fill(now),
            Adjustment::EmptyQuota => self.meter.empty(),
            Adjustment::EndTokens { device } => self.registry.end_tokens(device.as_ref()),
        }
    }
}
