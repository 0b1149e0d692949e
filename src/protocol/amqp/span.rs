//! Where a part of some bytes stands in them, to be found again in a copy of the bytes.

/// A part of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// Where `part` stands in `whole`, of which it is a slice. What is no slice of it, as an empty part may be, and what
    /// begins beyond 4 GB, is empty.
    #[inline]
    #[must_use]
    pub fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        let end = start.checked_add(part.len());
        if end.is_none_or(|end| end > whole.len()) {
            return Self::default();
        }
        match (u32::try_from(start), u32::try_from(part.len())) {
            (Ok(start), Ok(length)) => Self { start, length },
            (Ok(_) | Err(_), _) => Self::default(),
        }
    }

    /// The part of a copy of the bytes; empty where they are others and shorter.
    #[inline]
    #[must_use]
    pub fn part(self, whole: &[u8]) -> &[u8] {
        let start = self.start as usize;
        whole
            .get(start..start + self.length as usize)
            .unwrap_or_default()
    }

    /// The same of text.
    #[inline]
    #[must_use]
    pub fn text(self, whole: &[u8]) -> &str {
        std::str::from_utf8(self.part(whole)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_part_is_found_again_in_a_copy(
            bytes in prop::collection::vec(any::<u8>(), 1..40),
            one: prop::sample::Index,
            other: prop::sample::Index,
        ) {
            let (one, other) = (one.index(bytes.len()), other.index(bytes.len()));
            let part = &bytes[one.min(other)..one.max(other)];
            let copy = bytes.clone();
            prop_assert_eq!(Span::of(part, &bytes).part(&copy), part);
        }
    }

    #[test]
    fn what_is_no_part_is_empty() {
        let bytes = [1, 2, 3];
        assert_eq!(Span::of(&[1, 2], &bytes[2..]), Span::default());
        assert_eq!(Span::of(b"", &bytes).part(&bytes), b"");
        assert_eq!(Span::of(&bytes[1..], &bytes).part(&bytes[..1]), b"");
    }
}
