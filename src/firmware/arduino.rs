//! The C header as Arduino wants it: the certificates lie in the flash and not in the memory of a small board.

use super::c;
use super::flashed::Flashed;

/// The header's text. Compilers that know no `PROGMEM` take it as well.
pub(super) fn write(flashed: &Flashed) -> String {
    let opening = if flashed.roots.is_some() {
        "\n#if defined(ARDUINO)\n#include <Arduino.h>\n#endif\n#ifndef PROGMEM\n#define PROGMEM\n#endif\n"
    } else {
        ""
    };
    c::header(flashed, opening, |name, pem| {
        format!(
            "static const char {name}[] PROGMEM =\n{};",
            c::lines(pem, "\n")
        )
    })
}
