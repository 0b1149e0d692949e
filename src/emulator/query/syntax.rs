//! What a query says, once it has been read.

use std::cell::RefCell;

use super::aggregate::Aggregate;
use super::error::QueryError;
use super::expression::{Document, Expression, Path};

/// A query that can be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub(super) top: Option<usize>,
    pub(super) columns: Columns,
    pub(super) source: Source,
    pub(super) condition: Option<Expression>,
    pub(super) group: Option<Path>,
}

/// Which twins are meant: what stands behind `WHERE`, alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Target(pub(super) Query);

impl Target {
    /// Whether it means modules rather than devices.
    #[must_use]
    pub fn source(&self) -> Source {
        self.0.source
    }

    /// Whether it means a twin, which is one of its source's.
    #[must_use]
    pub fn holds(&self, document: &impl Document) -> bool {
        let condition = self.0.condition.as_ref();
        condition.is_none_or(|condition| condition.holds(document))
    }

    /// The first path in the condition that begins with none of `beginnings`, as it is written.
    #[must_use]
    pub fn path_beyond(&self, beginnings: &[&[&str]]) -> Option<String> {
        let is_known = |path: &Path| {
            beginnings.iter().any(|beginning| {
                let names = path.0.iter().zip(*beginning);
                path.0.len() >= beginning.len()
                    && names.into_iter().all(|(a, b)| a.eq_ignore_ascii_case(b))
            })
        };
        let found = RefCell::new(None);
        self.0.condition.clone()?.each_path(&|path: &mut Path| {
            if !is_known(path) {
                found.borrow_mut().get_or_insert_with(|| path.0.join("."));
            }
        });
        found.into_inner()
    }
}

/// What a query goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The twins of devices.
    Devices,
    /// The twins of modules.
    Modules,
    /// What became of jobs, device by device.
    Jobs,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Columns {
    All,
    Some(Vec<Column>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub name: String,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Path(Path),
    /// `None` for count, which looks at nothing.
    Aggregate(Aggregate, Option<Path>),
}

impl Query {
    /// What it goes through.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// Whether documents are put together rather than shown one by one.
    pub(super) fn is_grouped(&self) -> bool {
        self.group.is_some() || self.columns.iter().any(Column::is_aggregate)
    }

    /// `devices.jobs.status` is the status of what stands in `devices.jobs`.
    pub(super) fn drop_prefixes(&mut self) {
        let prefix: &[&str] = match self.source {
            Source::Devices => &["devices"],
            Source::Modules => &["devices", "modules"],
            Source::Jobs => &["devices", "jobs"],
        };
        let strip = |path: &mut Path| {
            let names = path.0.iter().zip(prefix);
            let is_prefixed = path.0.len() > prefix.len()
                && names.into_iter().all(|(a, b)| a.eq_ignore_ascii_case(b));
            if is_prefixed {
                path.0.drain(..prefix.len());
            }
        };
        if let Columns::Some(columns) = &mut self.columns {
            for column in columns {
                match &mut column.content {
                    Content::Path(path) | Content::Aggregate(_, Some(path)) => strip(path),
                    Content::Aggregate(_, None) => {}
                }
            }
        }
        self.group.iter_mut().for_each(strip);
        if let Some(condition) = &mut self.condition {
            condition.each_path(&strip);
        }
    }

    pub(super) fn check(&self) -> Result<(), QueryError> {
        let refuse = |message| Err(QueryError::Columns { message });
        let is_all = matches!(self.columns, Columns::All);
        if self.source == Source::Jobs && (!is_all || self.group.is_some()) {
            return refuse("devices.jobs is queried with SELECT * and without GROUP BY alone");
        }
        if is_all && self.group.is_some() {
            return refuse("GROUP BY asks for columns in the place of *");
        }
        let mut names = Vec::new();
        for column in self.columns.iter() {
            if names.contains(&&column.name) {
                let name = column.name.clone();
                return Err(QueryError::Twice { name });
            }
            names.push(&column.name);
            if let Content::Path(path) = &column.content
                && self.is_grouped()
                && self.group.as_ref() != Some(path)
            {
                return refuse("beside aggregates stands only what GROUP BY names");
            }
        }
        Ok(())
    }
}

impl Columns {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Column> {
        let columns: &[Column] = match self {
            Self::All => &[],
            Self::Some(columns) => columns,
        };
        columns.iter()
    }
}

impl Column {
    fn is_aggregate(&self) -> bool {
        matches!(self.content, Content::Aggregate(..))
    }
}

impl Expression {
    fn each_path(&mut self, change: &impl Fn(&mut Path)) {
        match self {
            Self::Constant(_) => {}
            Self::Path(path) | Self::IsDefined(path) => change(path),
            Self::Not(inner) => inner.each_path(change),
            Self::Array(parts) | Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.each_path(change);
                }
            }
            Self::Compare(_, left, right) | Self::Compute(_, left, right) => {
                left.each_path(change);
                right.each_path(change);
            }
            Self::Among { value, array, .. } => {
                value.each_path(change);
                array.each_path(change);
            }
        }
    }
}
