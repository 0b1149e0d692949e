//! A query under way: documents are offered to it, in the order of their ids, until it has a page.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::aggregate::Heap;
use super::expression::{Document, Path};
use super::syntax::{Columns, Content, Query, Source};
use crate::model::device::IdentityId;

/// Where a query's next page begins. Opaque text to clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continuation {
    /// Which query it is for.
    query: u64,
    /// The last document that was looked at.
    after: Option<(String, Option<String>)>,
    /// How many rows `TOP` leaves.
    left: Option<usize>,
    /// How many rows of groups came before.
    rows: usize,
}

impl Continuation {
    /// As it stands in a header.
    #[must_use]
    pub fn write(&self) -> String {
        // Numbers and texts always serialize.
        STANDARD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads one that was given out for `query`, the query's text; `None` for any other.
    #[must_use]
    pub fn parse(text: &str, query: &str) -> Option<Self> {
        let decoded = STANDARD.decode(text.trim()).ok()?;
        let continuation: Self = serde_json::from_slice(&decoded).ok()?;
        (continuation.query == mark(query)).then_some(continuation)
    }

    /// The beginning of a query.
    #[must_use]
    pub fn beginning(query: &str) -> Self {
        Self {
            query: mark(query),
            ..Self::default()
        }
    }

    /// A page of what has one id each and is asked for without a query's text: the `rows` behind where this begins.
    #[must_use]
    pub fn page<T>(
        mut self,
        item_type: ItemType,
        rows: usize,
        mut all: BTreeMap<&str, T>,
        row: impl Fn(T) -> Value,
    ) -> Page {
        if let Some((last, _)) = &self.after {
            let last = last.as_str();
            all.retain(|id, _| *id > last);
        }
        let is_full = all.len() > rows;
        let mut page = Vec::with_capacity(rows.min(all.len()));
        for (id, one) in all.into_iter().take(rows) {
            page.push(row(one));
            self.after = Some((id.to_owned(), None));
        }
        Page {
            rows: page,
            item_type,
            continuation: is_full.then_some(self),
        }
    }
}

fn mark(query: &str) -> u64 {
    let digest = Sha256::digest(query.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// What a page's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemType {
    /// Whole twins.
    Twin,
    /// What became of a job on a device.
    DeviceJob,
    /// Whole jobs.
    JobResponse,
    /// Rows of columns.
    Raw,
}

impl ItemType {
    /// As `x-ms-item-type` has it; the C# SDK minds the case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Twin => "Twin",
            Self::DeviceJob => "DeviceJob",
            Self::JobResponse => "JobResponse",
            Self::Raw => "Raw",
        }
    }
}

/// What a query has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The rows, in order.
    pub rows: Vec<Value>,
    /// What they are.
    pub item_type: ItemType,
    /// Where the next page begins, if there is one.
    pub continuation: Option<Continuation>,
}

/// A query under way.
#[derive(Debug, Clone)]
pub struct Search {
    query: Query,
    page: usize,
    place: Continuation,
    rows: Vec<Value>,
    groups: Vec<Group>,
    /// By the value that they have in common, as JSON.
    numbers: HashMap<String, usize>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Searching,
    /// There are more rows than the page holds.
    Full,
    /// There are no more.
    Ended,
}

#[derive(Debug, Clone)]
struct Group {
    value: Option<Value>,
    /// One for each column.
    heaps: Vec<Heap>,
}

impl Search {
    /// Begins where `place` says, for up to `page` rows.
    #[must_use]
    pub fn new(query: Query, page: usize, mut place: Continuation) -> Self {
        if place.left.is_none() {
            place.left = query.top;
        }
        let is_over = place.left == Some(0);
        let mut search = Self {
            query,
            page: page.max(1),
            place,
            rows: Vec::new(),
            groups: Vec::new(),
            numbers: HashMap::new(),
            state: if is_over {
                State::Ended
            } else {
                State::Searching
            },
        };
        if search.query.is_grouped() && search.query.group.is_none() {
            // Nothing at all is a group as well: of zero documents.
            search.group(None);
        }
        search
    }

    /// What is to be offered.
    #[must_use]
    pub fn source(&self) -> Source {
        self.query.source
    }

    /// The document behind which to go on.
    #[must_use]
    pub fn after(&self) -> Option<(&str, Option<&str>)> {
        let (device, module) = self.place.after.as_ref()?;
        Some((device, module.as_deref()))
    }

    /// Whether it wants no more documents.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state != State::Searching
    }

    /// One document more. Without effect once it is done.
    pub fn offer(&mut self, id: &IdentityId, document: &impl Document) {
        if self.is_done() {
            return;
        }
        let condition = self.query.condition.as_ref();
        if condition.is_none_or(|condition| condition.holds(document)) {
            if self.query.is_grouped() {
                self.put_in_group(document);
            } else if self.rows.len() == self.page {
                self.state = State::Full;
                return;
            } else {
                self.rows.push(self.row(document));
                if let Some(left) = &mut self.place.left {
                    *left -= 1;
                    if *left == 0 {
                        self.state = State::Ended;
                    }
                }
            }
        }
        self.place.after = Some((id.device.clone(), id.module.clone()));
    }

    /// There are no more documents.
    pub fn end(&mut self) {
        if !self.is_done() {
            self.state = State::Ended;
        }
    }

    /// What was found.
    #[must_use]
    pub fn into_page(mut self) -> Page {
        let item_type = match (&self.query.columns, self.query.source) {
            (Columns::Some(_), _) => ItemType::Raw,
            (Columns::All, Source::Jobs) => ItemType::DeviceJob,
            (Columns::All, Source::Devices | Source::Modules) => ItemType::Twin,
        };
        if self.query.is_grouped() {
            self.turn_groups_into_rows();
        }
        let continuation = (self.state == State::Full).then_some(self.place);
        Page {
            rows: self.rows,
            item_type,
            continuation,
        }
    }

    fn row(&self, document: &impl Document) -> Value {
        let Columns::Some(columns) = &self.query.columns else {
            return document.whole();
        };
        let mut row = Map::new();
        for column in columns {
            if let Content::Path(path) = &column.content
                && let Some(value) = document.at(path)
            {
                row.insert(column.name.clone(), value.into_owned());
            }
        }
        Value::Object(row)
    }

    fn group(&mut self, value: Option<Value>) -> usize {
        let key = value.as_ref().map(Value::to_string).unwrap_or_default();
        let next = self.groups.len();
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            let heaps = self.query.columns.iter().map(|_| Heap::default()).collect();
            self.groups.push(Group { value, heaps });
        }
        number
    }

    fn put_in_group(&mut self, document: &impl Document) {
        let at = |path: Option<&Path>| path.and_then(|path| document.at(path));
        let value = at(self.query.group.as_ref()).map(Cow::into_owned);
        let number = self.group(value);
        let heaps = &mut self.groups[number].heaps;
        for (heap, column) in heaps.iter_mut().zip(self.query.columns.iter()) {
            if let Content::Aggregate(_, path) = &column.content {
                heap.add(at(path.as_ref()).as_deref());
            }
        }
    }

    /// All groups are made anew for each page, and those of the pages before are passed over.
    fn turn_groups_into_rows(&mut self) {
        let row = |group: &Group| {
            let columns = self.query.columns.iter().zip(&group.heaps);
            let values = columns.filter_map(|(column, heap)| {
                let value = match &column.content {
                    Content::Path(_) => group.value.clone(),
                    Content::Aggregate(aggregate, _) => heap.result(*aggregate),
                };
                Some((column.name.clone(), value?))
            });
            Value::Object(values.collect())
        };
        let wanted = self.query.top.unwrap_or(usize::MAX).min(self.groups.len());
        let from = self.place.rows.min(wanted);
        let to = from.saturating_add(self.page).min(wanted);
        self.rows = self.groups[from..to].iter().map(row).collect();
        self.place = Continuation {
            query: self.place.query,
            rows: to,
            ..Continuation::default()
        };
        self.state = if to < wanted {
            State::Full
        } else {
            State::Ended
        };
    }
}
