//! Trust anchors alone, without a token: PEM, and `IOT_HUB_ROOT_CA` for C and Rust. Nothing in it is secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{c, rust};

/// One certificate block: base64 of its DER in lines of 64 characters, with a final newline.
#[must_use]
pub fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

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
    let lines: Vec<String> = pem
        .lines()
        .map(|line| {
            format!(
                "  {}",
                c::quote(&format!("{line}\n")).replace("\\012", "\\n")
            )
        })
        .collect();
    text.push_str(" */\n#ifndef HUBCTL_IOTHUB_ROOT_CA_H\n#define HUBCTL_IOTHUB_ROOT_CA_H\n\n");
    text.push_str(
        "/* The certificate authorities to trust, in PEM. */\n#define IOT_HUB_ROOT_CA \\\n",
    );
    text.push_str(&lines.join(" \\\n"));
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
    text.push_str("pub const IOT_HUB_ROOT_CA: &str = concat!(\n");
    for line in pem.lines() {
        let quoted = rust::quote(line);
        text.push_str("    ");
        text.push_str(quoted.strip_suffix('"').unwrap_or(&quoted));
        text.push_str("\\n\",\n");
    }
    text.push_str(");\n");
    text
}
