//! Writing AMQP 1.0 values, each in its shortest encoding, into a buffer that the caller owns.
//!
//! Containers are written in place: a roomy header first, then the items, then the sizes are patched in and a
//! container of less than 256 bytes is moved up to its short header. Nothing is allocated but the buffer's growth.

use crate::protocol::amqp::encoding::code;
use crate::protocol::amqp::value::{ArrayItems, Items, Value};

/// The code, size and count in front of a container with wide lengths.
const WIDE_HEADER: usize = 9;
/// The code, size and count in front of a container with narrow lengths.
const NARROW_HEADER: usize = 3;

/// Appends values to a byte buffer, and counts them for the container they stand in.
#[derive(Debug)]
pub struct Writer<'b> {
    out: &'b mut Vec<u8>,
    count: usize,
}

/// Encodes whatever `write` writes into a buffer of its own.
#[must_use]
pub fn encode(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out));
    out
}

impl<'b> Writer<'b> {
    /// A writer that appends to `out`.
    #[inline]
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        Self { out, count: 0 }
    }

    #[inline]
    fn fixed<const N: usize>(&mut self, code: u8, content: [u8; N]) {
        self.out.push(code);
        self.out.extend_from_slice(&content);
        self.count += 1;
    }

    #[inline]
    fn variable(&mut self, narrow: u8, wide: u8, content: &[u8]) {
        if let Ok(length) = u8::try_from(content.len()) {
            self.out.extend_from_slice(&[narrow, length]);
        } else {
            self.out.push(wide);
            self.out.extend_from_slice(&wide_length(content.len()));
        }
        self.out.extend_from_slice(content);
        self.count += 1;
    }

    /// Writes null.
    #[inline]
    pub fn null(&mut self) {
        self.fixed(code::NULL, []);
    }

    /// Writes what `write` makes of the value, or null if there is none.
    #[inline]
    pub fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    /// Writes a boolean in one octet.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.fixed(if value { code::TRUE } else { code::FALSE }, []);
    }

    /// Writes an unsigned 8-bit integer.
    #[inline]
    pub fn ubyte(&mut self, value: u8) {
        self.fixed(code::UBYTE, [value]);
    }

    /// Writes an unsigned 16-bit integer.
    #[inline]
    pub fn ushort(&mut self, value: u16) {
        self.fixed(code::USHORT, value.to_be_bytes());
    }

    /// Writes an unsigned 32-bit integer in one, two or five octets.
    #[inline]
    pub fn uint(&mut self, value: u32) {
        match u8::try_from(value) {
            Ok(0) => self.fixed(code::UINT_0, []),
            Ok(small) => self.fixed(code::SMALL_UINT, [small]),
            Err(_) => self.fixed(code::UINT, value.to_be_bytes()),
        }
    }

    /// Writes an unsigned 64-bit integer in one, two or nine octets.
    #[inline]
    pub fn ulong(&mut self, value: u64) {
        match u8::try_from(value) {
            Ok(0) => self.fixed(code::ULONG_0, []),
            Ok(small) => self.fixed(code::SMALL_ULONG, [small]),
            Err(_) => self.fixed(code::ULONG, value.to_be_bytes()),
        }
    }

    /// Writes a signed 8-bit integer.
    #[inline]
    pub fn byte(&mut self, value: i8) {
        self.fixed(code::BYTE, value.to_be_bytes());
    }

    /// Writes a signed 16-bit integer.
    #[inline]
    pub fn short(&mut self, value: i16) {
        self.fixed(code::SHORT, value.to_be_bytes());
    }

    /// Writes a signed 32-bit integer in two or five octets.
    #[inline]
    pub fn int(&mut self, value: i32) {
        match i8::try_from(value) {
            Ok(small) => self.fixed(code::SMALL_INT, small.to_be_bytes()),
            Err(_) => self.fixed(code::INT, value.to_be_bytes()),
        }
    }

    /// Writes a signed 64-bit integer in two or nine octets.
    #[inline]
    pub fn long(&mut self, value: i64) {
        match i8::try_from(value) {
            Ok(small) => self.fixed(code::SMALL_LONG, small.to_be_bytes()),
            Err(_) => self.fixed(code::LONG, value.to_be_bytes()),
        }
    }

    /// Writes a 32-bit float.
    #[inline]
    pub fn float(&mut self, value: f32) {
        self.fixed(code::FLOAT, value.to_be_bytes());
    }

    /// Writes a 64-bit float.
    #[inline]
    pub fn double(&mut self, value: f64) {
        self.fixed(code::DOUBLE, value.to_be_bytes());
    }

    /// Writes a character.
    #[inline]
    pub fn char(&mut self, value: char) {
        self.fixed(code::CHAR, u32::from(value).to_be_bytes());
    }

    /// Writes a moment: milliseconds since the Unix epoch.
    #[inline]
    pub fn timestamp(&mut self, ms: i64) {
        self.fixed(code::TIMESTAMP, ms.to_be_bytes());
    }

    /// Writes a UUID.
    #[inline]
    pub fn uuid(&mut self, value: [u8; 16]) {
        self.fixed(code::UUID, value);
    }

    /// Writes bytes.
    #[inline]
    pub fn binary(&mut self, value: &[u8]) {
        self.variable(code::BINARY_8, code::BINARY_32, value);
    }

    /// Writes a string.
    #[inline]
    pub fn string(&mut self, value: &str) {
        self.variable(code::STRING_8, code::STRING_32, value.as_bytes());
    }

    /// Writes a symbol. A text that is not ASCII cannot be one, and goes out as a string, which readers take as well.
    #[inline]
    pub fn symbol(&mut self, value: &str) {
        if value.is_ascii() {
            self.variable(code::SYMBOL_8, code::SYMBOL_32, value.as_bytes());
        } else {
            self.string(value);
        }
    }

    /// Writes an array of symbols; they have to be ASCII.
    pub fn symbols<'s>(&mut self, values: impl Iterator<Item = &'s str> + Clone) {
        self.texts(code::SYMBOL_8, code::SYMBOL_32, values);
    }

    /// Writes an array of strings.
    pub fn strings<'s>(&mut self, values: impl Iterator<Item = &'s str> + Clone) {
        self.texts(code::STRING_8, code::STRING_32, values);
    }

    fn texts<'s>(&mut self, narrow: u8, wide: u8, values: impl Iterator<Item = &'s str> + Clone) {
        let long = values.clone().any(|text| text.len() > usize::from(u8::MAX));
        self.container(code::ARRAY_8, code::ARRAY_32, |writer| {
            writer.out.push(if long { wide } else { narrow });
            for text in values {
                match u8::try_from(text.len()) {
                    Ok(length) if !long => writer.out.push(length),
                    _ => writer.out.extend_from_slice(&wide_length(text.len())),
                }
                writer.out.extend_from_slice(text.as_bytes());
                writer.count += 1;
            }
        });
    }

    /// Writes a list of all that `write` writes.
    pub fn list(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.container(code::LIST_8, code::LIST_32, write);
        if self.out[start..] == [code::LIST_8, 1, 0] {
            self.out.truncate(start);
            self.out.push(code::LIST_0);
        }
    }

    /// Writes a map; `write` writes keys and values in turn.
    pub fn map(&mut self, write: impl FnOnce(&mut Self)) {
        self.container(code::MAP_8, code::MAP_32, write);
    }

    /// Writes a numeric descriptor and the one value that `write` writes.
    #[inline]
    pub fn described(&mut self, descriptor: u64, write: impl FnOnce(&mut Self)) {
        let count = self.count;
        self.out.push(code::DESCRIBED);
        self.ulong(descriptor);
        write(self);
        self.count = count + 1;
    }

    /// Writes a symbolic descriptor and the one value that `write` writes.
    #[inline]
    pub fn described_by(&mut self, descriptor: &str, write: impl FnOnce(&mut Self)) {
        let count = self.count;
        self.out.push(code::DESCRIBED);
        self.symbol(descriptor);
        write(self);
        self.count = count + 1;
    }

    #[inline]
    fn container(&mut self, narrow: u8, wide: u8, write: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.count);
        let start = self.out.len();
        self.out.extend_from_slice(&[0; WIDE_HEADER]);
        write(self);
        let count = std::mem::replace(&mut self.count, outer + 1);
        let length = self.out.len() - start - WIDE_HEADER;
        if let (Ok(size), Ok(count)) = (u8::try_from(length + 1), u8::try_from(count)) {
            self.out[start..start + NARROW_HEADER].copy_from_slice(&[narrow, size, count]);
            self.out
                .copy_within(start + WIDE_HEADER.., start + NARROW_HEADER);
            self.out.truncate(start + NARROW_HEADER + length);
        } else {
            self.out[start] = wide;
            self.out[start + 1..start + 5].copy_from_slice(&wide_length(length + 4));
            self.out[start + 5..start + WIDE_HEADER].copy_from_slice(&wide_length(count));
        }
    }

    /// Writes a value that was read. The inside of containers goes out as it came in, without being looked at.
    pub fn value(&mut self, value: &Value<'_>) {
        match *value {
            Value::Null => self.null(),
            Value::Bool(value) => self.bool(value),
            Value::Ubyte(value) => self.ubyte(value),
            Value::Ushort(value) => self.ushort(value),
            Value::Uint(value) => self.uint(value),
            Value::Ulong(value) => self.ulong(value),
            Value::Byte(value) => self.byte(value),
            Value::Short(value) => self.short(value),
            Value::Int(value) => self.int(value),
            Value::Long(value) => self.long(value),
            Value::Float(value) => self.float(value),
            Value::Double(value) => self.double(value),
            Value::Decimal32(value) => self.fixed(code::DECIMAL_32, value),
            Value::Decimal64(value) => self.fixed(code::DECIMAL_64, value),
            Value::Decimal128(value) => self.fixed(code::DECIMAL_128, value),
            Value::Char(value) => self.char(value),
            Value::Timestamp(value) => self.timestamp(value),
            Value::Uuid(value) => self.uuid(value),
            Value::Binary(value) => self.binary(value),
            Value::String(value) => self.string(value),
            Value::Symbol(value) => self.symbol(value),
            Value::List(items) => self.list(|writer| writer.items(items)),
            Value::Map(items) => self.map(|writer| writer.items(items)),
            Value::Array(items) => self.array(items),
            Value::Described(described) => {
                let (descriptor, constructor, body) = described.parts();
                self.fixed(code::DESCRIBED, []);
                self.out.extend_from_slice(descriptor);
                self.out.push(constructor);
                self.out.extend_from_slice(body);
            }
        }
    }

    /// Writes items that were read into the container that is being written.
    pub fn items(&mut self, items: Items<'_>) {
        self.out.extend_from_slice(items.as_bytes());
        self.count += items.len();
    }

    fn array(&mut self, items: ArrayItems<'_>) {
        let (descriptor, constructor, bytes) = items.parts();
        self.container(code::ARRAY_8, code::ARRAY_32, |writer| {
            if let Some(descriptor) = descriptor {
                writer.out.push(code::DESCRIBED);
                writer.out.extend_from_slice(descriptor);
            }
            writer.out.push(constructor);
            writer.out.extend_from_slice(bytes);
            writer.count = items.len();
        });
    }
}

/// A length in four octets. Nothing here comes near 4 GiB: frames and messages are bounded far below.
#[inline]
fn wide_length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::value::decode;
    use proptest::prelude::*;

    /// A value that owns itself, to write and to compare with.
    #[derive(Debug, Clone)]
    enum Tree {
        Null,
        Bool(bool),
        Ubyte(u8),
        Ushort(u16),
        Uint(u32),
        Ulong(u64),
        Byte(i8),
        Short(i16),
        Int(i32),
        Long(i64),
        Double(f64),
        Char(char),
        Timestamp(i64),
        Uuid([u8; 16]),
        Binary(Vec<u8>),
        String(String),
        Symbol(String),
        List(Vec<Tree>),
        Map(Vec<(Tree, Tree)>),
        Symbols(Vec<String>),
        Described(u64, Box<Tree>),
    }

    fn key() -> impl Strategy<Value = Tree> {
        prop_oneof![
            6 => "[a-z-]{0,40}".prop_map(Tree::Symbol),
            2 => ".{0,9}".prop_map(Tree::String),
            1 => any::<u64>().prop_map(Tree::Ulong),
            1 => any::<i64>().prop_map(Tree::Long),
        ]
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            any::<u8>().prop_map(Tree::Ubyte),
            any::<u16>().prop_map(Tree::Ushort),
            prop_oneof![0_u32..300, any::<u32>()].prop_map(Tree::Uint),
            prop_oneof![0_u64..300, any::<u64>()].prop_map(Tree::Ulong),
            any::<i8>().prop_map(Tree::Byte),
            any::<i16>().prop_map(Tree::Short),
            prop_oneof![-200_i32..200, any::<i32>()].prop_map(Tree::Int),
            prop_oneof![-200_i64..200, any::<i64>()].prop_map(Tree::Long),
            (-1e9..1e9).prop_map(Tree::Double),
            any::<char>().prop_map(Tree::Char),
            any::<i64>().prop_map(Tree::Timestamp),
            any::<[u8; 16]>().prop_map(Tree::Uuid),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(Tree::Binary),
            ".{0,90}".prop_map(Tree::String),
            "[ -~]{0,300}".prop_map(Tree::Symbol),
            proptest::collection::vec("[a-z]{0,300}", 0..4).prop_map(Tree::Symbols),
        ];
        leaf.prop_recursive(5, 60, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Tree::List),
                proptest::collection::vec((key(), inner.clone()), 0..6).prop_map(Tree::Map),
                (any::<u64>(), inner)
                    .prop_map(|(code, tree)| Tree::Described(code, Box::new(tree))),
            ]
        })
    }

    fn write(tree: &Tree, w: &mut Writer<'_>) {
        match tree {
            Tree::Null => w.null(),
            Tree::Bool(value) => w.bool(*value),
            Tree::Ubyte(value) => w.ubyte(*value),
            Tree::Ushort(value) => w.ushort(*value),
            Tree::Uint(value) => w.uint(*value),
            Tree::Ulong(value) => w.ulong(*value),
            Tree::Byte(value) => w.byte(*value),
            Tree::Short(value) => w.short(*value),
            Tree::Int(value) => w.int(*value),
            Tree::Long(value) => w.long(*value),
            Tree::Double(value) => w.double(*value),
            Tree::Char(value) => w.char(*value),
            Tree::Timestamp(value) => w.timestamp(*value),
            Tree::Uuid(value) => w.uuid(*value),
            Tree::Binary(value) => w.binary(value),
            Tree::String(value) => w.string(value),
            Tree::Symbol(value) => w.symbol(value),
            Tree::Symbols(values) => w.symbols(values.iter().map(String::as_str)),
            Tree::List(items) => w.list(|w| items.iter().for_each(|item| write(item, w))),
            Tree::Map(entries) => w.map(|w| {
                for (key, value) in entries {
                    write(key, w);
                    write(value, w);
                }
            }),
            Tree::Described(code, tree) => w.described(*code, |w| write(tree, w)),
        }
    }

    fn agrees(tree: &Tree, value: Value<'_>) -> bool {
        match (tree, value) {
            (Tree::Null, Value::Null) => true,
            (Tree::Bool(a), Value::Bool(b)) => *a == b,
            (Tree::Ubyte(a), Value::Ubyte(b)) => *a == b,
            (Tree::Ushort(a), Value::Ushort(b)) => *a == b,
            (Tree::Uint(a), Value::Uint(b)) => *a == b,
            (Tree::Ulong(a), Value::Ulong(b)) => *a == b,
            (Tree::Byte(a), Value::Byte(b)) => *a == b,
            (Tree::Short(a), Value::Short(b)) => *a == b,
            (Tree::Int(a), Value::Int(b)) => *a == b,
            (Tree::Long(a), Value::Long(b)) | (Tree::Timestamp(a), Value::Timestamp(b)) => *a == b,
            (Tree::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
            (Tree::Char(a), Value::Char(b)) => *a == b,
            (Tree::Uuid(a), Value::Uuid(b)) => *a == b,
            (Tree::Binary(a), Value::Binary(b)) => a == b,
            (Tree::String(a), Value::String(b)) | (Tree::Symbol(a), Value::Symbol(b)) => a == b,
            (Tree::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| agrees(a, b.unwrap()))
            }
            (Tree::Map(a), Value::Map(b)) => {
                a.len() * 2 == b.len()
                    && a.iter().zip(b.pairs()).all(|((key, value), pair)| {
                        let (read_key, read_value) = pair.unwrap();
                        agrees(key, read_key) && agrees(value, read_value)
                    })
            }
            (Tree::Symbols(a), Value::Array(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b.iter())
                        .all(|(a, b)| Value::Symbol(a) == b.unwrap())
            }
            (Tree::Described(code, a), Value::Described(b)) => {
                b.code() == Some(*code) && agrees(a, b.value().unwrap())
            }
            (tree, value) => panic!("{tree:?} became {value:?}"),
        }
    }

    /// The same as the other AMQP library in the house sees it.
    fn foreign(tree: &Tree) -> serde_amqp::Value {
        use serde_amqp::Value as Foreign;
        use serde_amqp::primitives::{Array, Symbol, Timestamp, Uuid};
        match tree {
            Tree::Null => Foreign::Null,
            Tree::Bool(value) => Foreign::Bool(*value),
            Tree::Ubyte(value) => Foreign::Ubyte(*value),
            Tree::Ushort(value) => Foreign::Ushort(*value),
            Tree::Uint(value) => Foreign::Uint(*value),
            Tree::Ulong(value) => Foreign::Ulong(*value),
            Tree::Byte(value) => Foreign::Byte(*value),
            Tree::Short(value) => Foreign::Short(*value),
            Tree::Int(value) => Foreign::Int(*value),
            Tree::Long(value) => Foreign::Long(*value),
            Tree::Double(value) => Foreign::from(*value),
            Tree::Char(value) => Foreign::Char(*value),
            Tree::Timestamp(value) => Foreign::Timestamp(Timestamp::from_milliseconds(*value)),
            Tree::Uuid(value) => Foreign::Uuid(Uuid::from(*value)),
            Tree::Binary(value) => {
                Foreign::from(serde_amqp::primitives::Binary::from(value.clone()))
            }
            Tree::String(value) => Foreign::String(value.clone()),
            Tree::Symbol(value) => Foreign::Symbol(Symbol::from(value.as_str())),
            Tree::Symbols(values) => {
                let symbols: Vec<_> = values
                    .iter()
                    .map(|text| Foreign::Symbol(Symbol::from(text.as_str())))
                    .collect();
                Foreign::Array(Array::from(symbols))
            }
            Tree::List(items) => Foreign::List(items.iter().map(foreign).collect()),
            Tree::Map(entries) => Foreign::Map(
                entries
                    .iter()
                    .map(|(k, v)| (foreign(k), foreign(v)))
                    .collect(),
            ),
            Tree::Described(code, tree) => {
                Foreign::Described(Box::new(serde_amqp::described::Described {
                    descriptor: serde_amqp::descriptor::Descriptor::Code(*code),
                    value: foreign(tree),
                }))
            }
        }
    }

    #[test]
    fn chooses_the_shortest_encodings() {
        let bytes = encode(|w| {
            w.list(|w| {
                w.uint(0);
                w.uint(200);
                w.ulong(0);
                w.long(-1);
                w.string("a");
                w.symbol("b");
                w.list(|_| {});
                w.map(|_| {});
                w.symbols(["c"].into_iter());
            });
        });
        assert_eq!(
            bytes,
            [
                0xc0, 23, 9, 0x43, 0x52, 200, 0x44, 0x55, 0xff, 0xa1, 1, b'a', 0xa3, 1, b'b', 0x45,
                0xc1, 1, 0, 0xe0, 4, 1, 0xa3, 1, b'c'
            ]
        );
    }

    #[test]
    fn grows_to_wide_headers_where_needed() {
        for length in [245, 250, 251, 252, 253, 254, 255, 256, 300, 70_000] {
            let text = "x".repeat(length);
            let bytes = encode(|w| w.map(|w| (0..2).for_each(|_| w.string(&text))));
            let (value, rest) = decode(&bytes).unwrap();
            assert!(rest.is_empty());
            assert_eq!(
                value.as_map().unwrap().find(&text),
                Some(Value::String(&text))
            );
        }
        let bytes = encode(|w| w.list(|w| (0..300).for_each(|_| w.null())));
        assert_eq!(
            decode(&bytes).unwrap().0.as_list().unwrap().iter().count(),
            300
        );
    }

    /// What the two libraries may differ on by right, or what `serde_amqp` 0.18 cannot write: repeated keys, keys that
    /// are no plain text or number, arrays without elements.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "scalars are always comparable"
    )]
    fn comparable(tree: &Tree) -> bool {
        match tree {
            Tree::Symbols(values) => !values.is_empty(),
            Tree::List(items) => items.iter().all(comparable),
            Tree::Map(entries) => {
                let keys: std::collections::BTreeSet<_> =
                    entries.iter().map(|(key, _)| foreign(key)).collect();
                keys.len() == entries.len()
                    && entries.iter().all(|(key, value)| {
                        matches!(
                            key,
                            Tree::String(_) | Tree::Symbol(_) | Tree::Ulong(_) | Tree::Long(_)
                        ) && comparable(value)
                    })
            }
            Tree::Described(_, tree) => comparable(tree),
            _ => true,
        }
    }

    /// `serde_amqp` 0.18 forgets that it has left an array, and writes what follows in the same container wrongly.
    #[expect(clippy::wildcard_enum_match_arm, reason = "scalars hold no arrays")]
    fn holds_array(tree: &Tree) -> bool {
        match tree {
            Tree::Symbols(_) => true,
            Tree::List(items) => items.iter().any(holds_array),
            Tree::Map(entries) => entries
                .iter()
                .any(|(key, value)| holds_array(key) || holds_array(value)),
            Tree::Described(_, tree) => holds_array(tree),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tree in tree()) {
            let bytes = encode(|w| write(&tree, w));
            let (value, rest) = decode(&bytes).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert!(agrees(&tree, value));
            value.check().unwrap();
            let again = encode(|w| w.value(&value));
            prop_assert_eq!(&again, &bytes);
        }

        #[test]
        fn bytes_cut_short_are_truncated(tree in tree(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(|w| write(&tree, w));
            let cut = cut.index(bytes.len());
            prop_assert_eq!(
                decode(&bytes[..cut]),
                Err(crate::protocol::amqp::encoding::DecodeError::Truncated)
            );
        }

        #[test]
        fn serde_amqp_agrees_in_both_directions(tree in tree().prop_filter("comparable", comparable)) {
            let ours = encode(|w| write(&tree, w));
            let read_by_them: serde_amqp::Value = serde_amqp::from_slice(&ours).unwrap();
            prop_assert_eq!(read_by_them, foreign(&tree));
            if holds_array(&tree) && !matches!(tree, Tree::Symbols(_)) {
                return Ok(());
            }
            let theirs = serde_amqp::to_vec(&foreign(&tree)).unwrap();
            let (value, rest) = decode(&theirs).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert!(agrees(&tree, value));
        }
    }
}
