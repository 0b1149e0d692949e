//! Text from elsewhere as a terminal may show it.

/// Appends text as it can be shown: what is not UTF-8, and what a terminal would obey, becomes U+FFFD.
pub fn write_shown(bytes: &[u8], out: &mut Vec<u8>) {
    const REPLACEMENT: &str = "\u{fffd}";
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(is_obeyed) {
            let (before, from) = rest.split_at(at);
            out.extend_from_slice(before.as_bytes());
            // The end of a line is as good as a line feed alone.
            let shown = if from.starts_with("\r\n") {
                "\r"
            } else {
                REPLACEMENT
            };
            out.extend_from_slice(shown.as_bytes());
            let mut characters = from.chars();
            characters.next();
            rest = characters.as_str();
        }
        out.extend_from_slice(rest.as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice(REPLACEMENT.as_bytes());
        }
    }
}

fn is_obeyed(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write_shown(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        assert_eq!(
            shown(b"a\tb\r\nc\x1b[2J\xffd\r"),
            "a\tb\r\nc\u{fffd}[2J\u{fffd}d\u{fffd}"
        );
        assert_eq!(shown("\u{9b}é".as_bytes()), "\u{fffd}é");
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_shown(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            shown(&bytes);
        }

        #[test]
        fn plain_text_is_shown_as_it_is(text in "[ -~é\n\t]{0,60}") {
            prop_assert_eq!(shown(text.as_bytes()), text);
        }
    }
}
