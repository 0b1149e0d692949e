//! A Rust file without `std`, to be a module of its own or to be taken in with `include!`.

use std::fmt::Write as _;

use super::flashed::{Flashed, Value};
use super::head;

/// The file's text. It holds no inner attributes and no inner docs, which `include!` does not take.
pub(super) fn write(flashed: &Flashed) -> String {
    let mut text = String::new();
    for line in head::lines(flashed) {
        text.push_str(format!("// {line}").trim_end());
        text.push('\n');
    }
    text.push_str(
        "//\n// Build with SAS_TOKEN_BUILD_TIME=$(date +%s) in the environment, and an expired token stops the build.\n",
    );
    let allowed = allowed(flashed);
    for fact in flashed.facts() {
        let (kind, value) = literal(&fact.value);
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "\n/// {}\n#[allow({allowed})]\npub const {}{}: {kind} = {value};",
            fact.about, flashed.prefix, fact.name
        );
    }
    let _ = write!(
        text,
        r#"
const _: () = {{
    if let Some(text) = option_env!("SAS_TOKEN_BUILD_TIME") {{
        let digits = text.as_bytes();
        let mut build_time: i64 = 0;
        let mut at = 0;
        while at < digits.len() {{
            assert!(
                digits[at].is_ascii_digit(),
                "SAS_TOKEN_BUILD_TIME is not a number of seconds since 1970"
            );
            build_time = build_time
                .saturating_mul(10)
                .saturating_add((digits[at] - b'0') as i64);
            at += 1;
        }}
        assert!(
            build_time < {}SAS_TOKEN_EXPIRY,
            "the SAS token in this file expired at {}; run hubctl sas-token again"
        );
    }}
}};
"#,
        flashed.prefix,
        flashed.expires_text()
    );
    text
}

/// Few programs use every constant, and a prefix in lower case is the user's own wish.
fn allowed(flashed: &Flashed) -> &'static str {
    if flashed.prefix.as_str().contains(|c: char| c.is_lowercase()) {
        "dead_code, non_upper_case_globals"
    } else {
        "dead_code"
    }
}

fn literal(value: &Value) -> (&'static str, String) {
    match value {
        Value::Text(text) => ("&str", quote(text)),
        Value::Pem(pem) => ("&str", lines(pem)),
        Value::Seconds(seconds) => ("i64", group(&seconds.to_string())),
        Value::Length(length) => ("usize", length.to_string()),
    }
}

/// A string literal; what is not plain ASCII stands as `\u{…}`.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            ' '..='~' => quoted.push(character),
            _ => quoted.extend(character.escape_unicode()),
        }
    }
    quoted.push('"');
    quoted
}

/// A string literal over several lines; no line of PEM begins with a blank, which the language would swallow.
pub(super) fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("{line}\\n\\\n")).collect();
    format!("\"\\\n{}\"", lines.concat())
}

/// Digits in groups of three, as Clippy wants long numbers.
fn group(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!(group("1735689600"), "1_735_689_600");
        assert_eq!(group("123456"), "123_456");
        assert_eq!(group("1"), "1");
    }
}
