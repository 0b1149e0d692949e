//! What is quoted, read back as its language reads it.

use super::*;

/// What a C compiler makes of a literal: phase 1 replaces trigraphs, then escapes are read (C99 §5.1.1.2).
fn read_c(literal: &str) -> Vec<u8> {
    const TRIGRAPHS: [(&str, &str); 9] = [
        ("??=", "#"),
        ("??(", "["),
        ("??/", "\\"),
        ("??)", "]"),
        ("??'", "^"),
        ("??<", "{"),
        ("??!", "|"),
        ("??>", "}"),
        ("??-", "~"),
    ];
    let mut text = literal.to_owned();
    for (trigraph, character) in TRIGRAPHS {
        text = text.replace(trigraph, character);
    }
    let inner = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    let mut bytes = inner.bytes().peekable();
    let mut read = Vec::new();
    while let Some(byte) = bytes.next() {
        assert_ne!(byte, b'"', "the literal ends early");
        if byte != b'\\' {
            read.push(byte);
            continue;
        }
        let escaped = bytes.next().unwrap();
        if !escaped.is_ascii_digit() {
            read.push(escaped);
            continue;
        }
        let mut value = u32::from(escaped - b'0');
        for _ in 0..2 {
            value = value * 8 + u32::from(bytes.next().unwrap() - b'0');
        }
        read.push(u8::try_from(value).unwrap());
    }
    read
}

/// What a shell makes of a word of single-quoted pieces and escaped quotes; nothing else may stand there.
fn read_shell(word: &str) -> String {
    let mut read = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(r"\'") {
            read.push('\'');
            rest = after;
            continue;
        }
        let (piece, after) = rest.strip_prefix('\'').unwrap().split_once('\'').unwrap();
        read.push_str(piece);
        rest = after;
    }
    read
}

/// What `CMake` makes of a bracket argument (cmake-language(7)).
fn read_cmake(argument: &str) -> &str {
    let after = argument.strip_prefix('[').unwrap();
    let marks = after.find('[').unwrap();
    let closing = format!("]{}]", &after[..marks]);
    let content = &after[marks + 1..];
    let content = content.strip_prefix('\n').unwrap_or(content);
    let end = content.find(&closing).unwrap();
    assert_eq!(content.len(), end + closing.len(), "the bracket ends early");
    &content[..end]
}

/// What a reader of CSV makes of a field in quotes, with the rest of the line behind it.
fn read_csv(field: &str) -> String {
    let inner = field.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    assert!(
        !inner.replace("\"\"", "").contains('"'),
        "the field ends early"
    );
    inner.replace("\"\"", "\"")
}

proptest! {
    #[test]
    fn cmake_reads_back_what_was_quoted(text in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{0,128}|[\\]=\n\\[]{0,12}|\\PC{0,20}") {
        let quoted = cmake::quote(&text);
        prop_assert_eq!(read_cmake(&quoted), text);
    }

    #[test]
    fn csv_reads_back_what_was_quoted(text in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{0,128}|[\",\n]{0,12}|\\PC{0,20}") {
        prop_assert_eq!(read_csv(&nvs::quote(&text)), text);
    }

    #[test]
    fn c_reads_back_what_was_quoted(text in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{0,128}|[?/!'<>=()-]{0,20}|\\PC{0,20}|[\"\\\\?\n\u{0}0-9]{0,20}") {
        let quoted = c::quote(&text);
        prop_assert!(quoted.is_ascii());
        prop_assert_eq!(read_c(&quoted), text.as_bytes());
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted(text in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{0,128}|\\PC{0,20}") {
        prop_assert_eq!(read_shell(&env::quote(&text)), text);
    }

    #[test]
    fn rust_keeps_legal_ids_as_they_are(text in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{0,128}") {
        prop_assert_eq!(rust::quote(&text), format!("\"{text}\""));
    }
}
