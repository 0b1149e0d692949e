//! A header for C (C99 and later) and C++ (C++11 and later).

use std::fmt::Write as _;

use super::flashed::{Flashed, Value};
use super::head;

/// The header's text.
pub(super) fn write(flashed: &Flashed) -> String {
    header(flashed, "", |name, pem| {
        format!("#define {name} \\\n{}", lines(pem, " \\\n"))
    })
}

/// The header's text, with `opening` behind the include guard and the certificates defined by `certificates`, which is
/// given their name and their PEM.
pub(super) fn header(
    flashed: &Flashed,
    opening: &str,
    certificates: impl Fn(&str, &str) -> String,
) -> String {
    let prefix = flashed.prefix.as_str();
    let guard = format!("HUBCTL_{prefix}IOTHUB_SECRETS_H");
    let mut text = String::from("/*\n");
    for line in head::lines(flashed) {
        text.push_str(format!(" * {line}").trim_end());
        text.push('\n');
    }
    text.push_str(
        " *\n * Compile with -DSAS_TOKEN_BUILD_TIME=$(date +%s), and an expired token stops the build.\n */\n",
    );
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(text, "#ifndef {guard}\n#define {guard}");
    text.push_str(opening);
    for fact in flashed.facts() {
        let name = format!("{prefix}{}", fact.name);
        let definition = match &fact.value {
            Value::Text(text) => format!("#define {name} {}", quote(text)),
            // One type on every board: a long has 32 bits on an ESP32, an int 16 on an AVR, and 2038 is near.
            Value::Seconds(seconds) => format!("#define {name} {seconds}LL"),
            Value::Length(length) => format!("#define {name} {length}"),
            Value::Pem(pem) => certificates(&name, pem),
        };
        let _ = writeln!(text, "\n/* {} */\n{definition}", fact.about);
    }
    let _ = write!(
        text,
        "\n#if defined(SAS_TOKEN_BUILD_TIME)\n\
         #if SAS_TOKEN_BUILD_TIME >= {prefix}SAS_TOKEN_EXPIRY\n\
         #error \"The SAS token in this file expired at {}. Run hubctl sas-token again.\"\n\
         #endif\n#endif\n\n#endif\n",
        flashed.expires_text()
    );
    text
}

/// A string literal for each line, one below the other.
pub(super) fn lines(text: &str, between: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let quoted = quote(line);
            format!("  {}\\n\"", quoted.strip_suffix('"').unwrap_or(&quoted))
        })
        .collect();
    lines.join(between)
}

/// A string literal. A `?` after another is escaped, for `??` may begin a trigraph (C99 §5.2.1.1); what is not plain ASCII
/// stands in octal, whose three digits cannot run into what follows.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut previous = 0;
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(byte));
            }
            b'?' if previous == b'?' => quoted.push_str("\\?"),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
        previous = byte;
    }
    quoted.push('"');
    quoted
}
