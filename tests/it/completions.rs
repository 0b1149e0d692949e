//! Completions and man pages are generated, checked in, and compared. `UPDATE_COMPLETIONS=1 cargo test completions`
//! writes them anew.

use std::fs;
use std::path::Path;

use clap_complete::Shell;
use hubctl::cli;

/// Holds `text` against the checked-in file, or writes it when asked to.
fn compare(folder: &Path, name: &str, text: &[u8]) {
    let path = folder.join(name);
    if std::env::var_os("UPDATE_COMPLETIONS").is_some() {
        fs::create_dir_all(folder).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read(&path).unwrap_or_default();
    // A checkout on Windows may have its line ends changed.
    let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    assert!(
        plain(&kept) == plain(text),
        "completions/{name} is not what the parser gives; run UPDATE_COMPLETIONS=1 cargo test completions"
    );
}

#[test]
fn checked_in_files_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    let shells = [
        (Shell::Bash, "hubctl.bash"),
        (Shell::Zsh, "_hubctl"),
        (Shell::Fish, "hubctl.fish"),
        (Shell::PowerShell, "_hubctl.ps1"),
        (Shell::Elvish, "hubctl.elv"),
    ];
    let mut expected: Vec<String> = Vec::new();
    for (shell, name) in shells {
        compare(&folder, name, &cli::completions(shell));
        expected.push(name.to_owned());
    }
    for (name, page) in cli::man_pages().unwrap() {
        compare(&folder, &name, &page);
        expected.push(name);
    }
    let mut kept: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    expected.sort();
    assert_eq!(
        kept, expected,
        "completions/ holds files that nothing generates"
    );
}
