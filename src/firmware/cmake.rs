//! `set(NAME value)` lines for `CMake`, to be taken in with `include()`.

use std::fmt::Write as _;

use super::flashed::{Flashed, Value};
use super::head;

/// The lines' text. Whoever includes it after the expiry is stopped, by `CMake`'s own clock or by
/// `SAS_TOKEN_BUILD_TIME` where that is set.
pub(super) fn write(flashed: &Flashed) -> String {
    let prefix = flashed.prefix.as_str();
    let mut text = String::new();
    for line in head::lines(flashed) {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    text.push_str(
        "#\n# Put quotes around what is used (\"${DEVICE_NAME}\"): an id may hold a ';', which parts a list.\n",
    );
    for fact in flashed.facts() {
        let value = match &fact.value {
            Value::Text(text) | Value::Pem(text) => quote(text),
            Value::Seconds(seconds) => seconds.to_string(),
            Value::Length(length) => length.to_string(),
        };
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "\n# {}\nset({prefix}{} {value})",
            fact.about, fact.name
        );
    }
    let _ = write!(
        text,
        r#"
if(DEFINED SAS_TOKEN_BUILD_TIME)
  set(hubctl_build_time "${{SAS_TOKEN_BUILD_TIME}}")
else()
  string(TIMESTAMP hubctl_build_time "%s" UTC)
endif()
if(NOT hubctl_build_time MATCHES "^[0-9]+$")
  message(FATAL_ERROR "SAS_TOKEN_BUILD_TIME is not a number of seconds since 1970.")
elseif(NOT hubctl_build_time LESS {prefix}SAS_TOKEN_EXPIRY)
  message(FATAL_ERROR "The SAS token in this file expired at {}. Run hubctl sas-token again.")
endif()
unset(hubctl_build_time)
"#,
        flashed.expires_text()
    );
    text
}

/// A bracket argument, in which nothing means anything but its end, which is made not to occur.
pub(super) fn quote(text: &str) -> String {
    let mut marks = "==".to_owned();
    // The text's own end may be the beginning of an end.
    while format!("{text}]").contains(&format!("]{marks}]")) {
        marks.push('=');
    }
    // The first newline of a bracket is passed over, so one that counts stands behind another.
    let skipped = if text.starts_with('\n') { "\n" } else { "" };
    format!("[{marks}[{skipped}{text}]{marks}]")
}
