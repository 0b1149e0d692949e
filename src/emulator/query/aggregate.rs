//! Values of a group made into one.

use serde_json::Value;

use super::expression::{compare, number};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Count,
    Average,
    Sum,
    Minimum,
    Maximum,
}

impl Aggregate {
    /// By its name in a query, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [
            ("count", Self::Count),
            ("avg", Self::Average),
            ("sum", Self::Sum),
            ("min", Self::Minimum),
            ("max", Self::Maximum),
        ];
        let found = all.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, aggregate)| aggregate)
    }
}

/// What has come together so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Heap {
    /// Documents.
    count: u64,
    /// Those of them that had a number.
    numbers: u32,
    sum: f64,
    least: Option<Value>,
    greatest: Option<Value>,
}

impl Heap {
    /// One more document; `value` is what it has at the aggregate's path.
    pub(super) fn add(&mut self, value: Option<&Value>) {
        self.count += 1;
        let Some(value) = value else {
            return;
        };
        if let Some(number) = value.as_f64() {
            self.numbers += 1;
            self.sum += number;
        }
        // Of values that cannot be compared, the first one stands.
        let is_less = |held: &Value| compare(value, held).is_some_and(std::cmp::Ordering::is_lt);
        let is_greater = |held: &Value| compare(value, held).is_some_and(std::cmp::Ordering::is_gt);
        if compare(value, value).is_some() {
            if self.least.as_ref().is_none_or(is_less) {
                self.least = Some(value.clone());
            }
            if self.greatest.as_ref().is_none_or(is_greater) {
                self.greatest = Some(value.clone());
            }
        }
    }

    /// `None` where there was nothing to make it of.
    pub(super) fn result(&self, aggregate: Aggregate) -> Option<Value> {
        match aggregate {
            Aggregate::Count => Some(self.count.into()),
            Aggregate::Sum => number(self.sum).filter(|_| self.numbers > 0),
            Aggregate::Average => {
                number(self.sum / f64::from(self.numbers)).filter(|_| self.numbers > 0)
            }
            Aggregate::Minimum => self.least.clone(),
            Aggregate::Maximum => self.greatest.clone(),
        }
    }
}
