//! Trust anchors alone, without a token: PEM, and `IOT_HUB_ROOT_CA` for C and Rust. Nothing in it is secret.

use super::{c, rust};

/// The head's lines: who made it, and a line about each anchor.
fn head(about: &[String]) -> Vec<String> {
    let mut lines = vec![
        format!("Made by hubctl {}.", env!("CARGO_PKG_VERSION")),
        "The certificate authorities that a device should trust; no secret.".to_owned(),
        String::new(),
    ];
    // Names come from certificates, and may hold what ends a comment.
    lines.extend(about.iter().map(|line| {
        line.chars()
            .map(|c| match c {
                '/' | '\\' => '_',
                ' '..='~' => c,
                _ => '_',
            })
            .collect()
    }));
    lines
}

/// A header for C and C++ that defines `IOT_HUB_ROOT_CA` as these PEM blocks.
#[must_use]
pub fn c_header(about: &[String], pem: &str) -> String {
    let mut text = String::from("/*\n");
    for line in head(about) {
        text.push_str(format!(" * {line}").trim_end());
        text.push('\n');
    }
    text.push_str(" */\n#ifndef HUBCTL_IOTHUB_ROOT_CA_H\n#define HUBCTL_IOTHUB_ROOT_CA_H\n\n");
    text.push_str(
        "/* The certificate authorities to trust, in PEM. */\n#define IOT_HUB_ROOT_CA \\\n",
    );
    text.push_str(&c::lines(pem, " \\\n"));
    text.push_str("\n\n#endif\n");
    text
}

/// A Rust file without `std` that defines `IOT_HUB_ROOT_CA` as these PEM blocks.
#[must_use]
pub fn rust_file(about: &[String], pem: &str) -> String {
    let mut text = String::new();
    for line in head(about) {
        text.push_str(format!("// {line}").trim_end());
        text.push('\n');
    }
    text.push_str("\n/// The certificate authorities to trust, in PEM.\n#[allow(dead_code)]\n");
    text.push_str("pub const IOT_HUB_ROOT_CA: &str = ");
    text.push_str(&rust::lines(pem));
    text.push_str(";\n");
    text
}
