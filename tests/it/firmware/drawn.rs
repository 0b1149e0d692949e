//! Ids drawn from the full legal alphabet, taken through the real compilers and back.

use std::env::consts::EXE_EXTENSION;
use std::process::Command;

use tempfile::TempDir;

use crate::support::installed::is_installed;

use super::formats::cmake;
use super::{WARNINGS, compile, folder, offline, rustc, shown, text, write};

/// Ids drawn from the full legal alphabet, the same in each run.
fn drawn_ids(count: usize) -> Vec<String> {
    const LEGAL: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:.+%_#*?!(),=@;$'";
    // Knuth's multiplier; the upper bits are random enough.
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    // Half of them of signs alone, which is where the trouble is.
    (0..count)
        .map(|number| {
            let first = if number % 2 == 0 { 0 } else { 62 };
            let length = 1 + draw(24);
            (0..length)
                .map(|_| char::from(LEGAL[first + draw(LEGAL.len() - first)]))
                .collect()
        })
        .collect()
}

/// Each id in a file of its own, with a prefix of its own.
fn written_for_each(folder: &TempDir, ids: &[String], format: &str) {
    for (number, id) in ids.iter().enumerate() {
        let prefix = format!("N{number}_");
        let name = format!("{number}.{format}");
        let line = ["-f", format, "--prefix", &prefix, "-o", &name, "--", id];
        assert_eq!(offline(folder, &line), "");
    }
}

fn lines_for_each(ids: &[String], line: impl Fn(usize) -> String) -> String {
    (0..ids.len()).map(|number| line(number) + "\n").collect()
}

#[cfg(unix)]
#[test]
fn drawn_ids_survive_the_c_compilers() {
    let folder = folder();
    let ids = drawn_ids(60);
    written_for_each(&folder, &ids, "c");
    let includes = lines_for_each(&ids, |number| format!("#include \"{number}.c\""));
    let prints = lines_for_each(&ids, |number| format!("  puts(N{number}_DEVICE_NAME);"));
    let source =
        format!("#include <stdio.h>\n{includes}int main(void) {{\n{prints}  return 0;\n}}\n");
    let source = write(&folder, "print.c", &source);
    let program = folder.path().join("print");
    for (compiler, language) in [("cc", &["-std=c99"][..]), ("c++", &["-x", "c++"])] {
        let files = ["-o", shown(&program), shown(&source)];
        compile(compiler, &[language, &WARNINGS, &files].concat(), None).unwrap();
        let printed = text(&Command::new(&program).output().unwrap().stdout);
        assert_eq!(printed.lines().collect::<Vec<_>>(), ids);
    }
}

#[test]
fn drawn_ids_survive_rustc() {
    let folder = folder();
    let ids = drawn_ids(60);
    written_for_each(&folder, &ids, "rust");
    let includes = lines_for_each(&ids, |number| format!("include!(\"{number}.rust\");"));
    let prints = lines_for_each(&ids, |number| {
        format!("    println!(\"{{N{number}_DEVICE_NAME}}\");")
    });
    let source = format!("#![deny(warnings)]\n{includes}fn main() {{\n{prints}}}\n");
    let source = write(&folder, "print.rs", &source);
    let program = folder.path().join("print").with_extension(EXE_EXTENSION);
    compile(&rustc(), &["-o", shown(&program), shown(&source)], None).unwrap();
    let printed = text(&Command::new(&program).output().unwrap().stdout);
    assert_eq!(printed.lines().collect::<Vec<_>>(), ids);
}

#[test]
fn drawn_ids_survive_cmake() {
    if !is_installed("cmake") {
        return;
    }
    let folder = folder();
    let ids = drawn_ids(60);
    written_for_each(&folder, &ids, "cmake");
    let here = "${CMAKE_CURRENT_LIST_DIR}";
    let script = lines_for_each(&ids, |number| {
        format!(
            "include(\"{here}/{number}.cmake\")\n\
             file(APPEND \"{here}/read\" \"${{N{number}_DEVICE_NAME}}\\n\")"
        )
    });
    let output = cmake(&write(&folder, "read.cmake", &script), &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read = std::fs::read_to_string(folder.path().join("read")).unwrap();
    assert_eq!(read.lines().collect::<Vec<_>>(), ids);
}
