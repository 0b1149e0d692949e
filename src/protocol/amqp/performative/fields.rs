//! Reading the fields of a composite by position, and lists of symbols in either of their spellings.

use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::value::{ArrayItems, Items, ItemsIter, Value};
use crate::protocol::amqp::writer::Writer;

/// The fields of a composite, one after another. Missing ones at the end read as null; integers may have any width;
/// strings and symbols are alike; a value of the wrong type is an error that names the field.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    items: ItemsIter<'a>,
}

impl<'a> Fields<'a> {
    /// The fields of a list; a map or scalar in its place is an error that names the composite.
    pub fn of(value: Value<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let items = value.as_list().ok_or(DecodeError::Malformed { what })?;
        Ok(Self {
            items: items.iter(),
        })
    }

    /// The next field, unless it is null or missing.
    #[inline]
    pub fn value(&mut self) -> Result<Option<Value<'a>>, DecodeError> {
        Ok(self
            .items
            .next()
            .transpose()?
            .filter(|value| !value.is_null()))
    }

    #[inline]
    fn read<T>(
        &mut self,
        what: &'static str,
        convert: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, DecodeError> {
        let Some(value) = self.value()? else {
            return Ok(None);
        };
        convert(&value)
            .map(Some)
            .ok_or(DecodeError::Malformed { what })
    }

    /// A string or symbol.
    pub fn text(&mut self, what: &'static str) -> Result<Option<&'a str>, DecodeError> {
        self.read(what, Value::as_str)
    }

    /// A boolean.
    pub fn bool(&mut self, what: &'static str) -> Result<Option<bool>, DecodeError> {
        self.read(what, Value::as_bool)
    }

    /// An integer that fits.
    pub fn integer<T: TryFrom<u64>>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        self.read(what, |value| T::try_from(value.as_u64()?).ok())
    }

    /// An integer that fits, in a field that has to be there.
    pub fn required<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, DecodeError> {
        self.integer(what)?.ok_or(DecodeError::Malformed { what })
    }

    /// Bytes.
    pub fn binary(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, DecodeError> {
        self.read(what, Value::as_binary)
    }

    /// A map.
    pub fn map(&mut self, what: &'static str) -> Result<Option<Items<'a>>, DecodeError> {
        self.read(what, Value::as_map)
    }

    /// One symbol, or an array or list of them.
    pub fn symbols(&mut self, what: &'static str) -> Result<Symbols<'a>, DecodeError> {
        Ok(self.read(what, Symbols::read)?.unwrap_or_default())
    }
}

/// What the standard calls a multiple symbol: none, one, or an array.
#[derive(Debug, Clone, Copy, Default)]
pub enum Symbols<'a> {
    /// Null.
    #[default]
    None,
    /// One symbol that stands for itself.
    One(&'a str),
    /// Several, to be written as an array.
    Several(&'a [&'a str]),
    /// An array as it was read.
    Array(ArrayItems<'a>),
    /// A list as it was read, which some stacks write instead of an array.
    List(Items<'a>),
}

impl<'a> Symbols<'a> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other types are text or wrong"
    )]
    fn read(value: &Value<'a>) -> Option<Self> {
        match *value {
            Value::Array(items) => Some(Self::Array(items)),
            Value::List(items) => Some(Self::List(items)),
            _ => value.as_str().map(Self::One),
        }
    }

    /// Walks the symbols; what is not text is left out.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (one, several, array, list) = match *self {
            Self::None => (None, None, None, None),
            Self::One(symbol) => (Some(symbol), None, None, None),
            Self::Several(symbols) => (None, Some(symbols), None, None),
            Self::Array(items) => (None, None, Some(items), None),
            Self::List(items) => (None, None, None, Some(items)),
        };
        let read = array.into_iter().flat_map(|items| items.iter());
        let read = read.chain(list.into_iter().flat_map(|items| items.iter()));
        let read = read.filter_map(|item| item.ok()?.as_str());
        one.into_iter()
            .chain(several.into_iter().flatten().copied())
            .chain(read)
    }

    /// Whether a symbol is among them; letter case counts.
    #[must_use]
    pub fn contains(&self, symbol: &str) -> bool {
        self.iter().any(|found| found == symbol)
    }

    /// Writes null, a symbol, or an array.
    pub fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::None => w.null(),
            Self::One(symbol) => w.symbol(symbol),
            Self::Several(symbols) => w.symbols(symbols.iter().copied()),
            Self::Array(items) => w.value(&Value::Array(*items)),
            Self::List(items) => w.value(&Value::List(*items)),
        }
    }
}

/// Equal if they hold the same symbols in the same order, however they are spelt.
impl PartialEq for Symbols<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Writes a map that was read, or null.
pub fn write_map(w: &mut Writer<'_>, map: Option<Items<'_>>) {
    w.optional(map, |w, items| w.value(&Value::Map(items)));
}
