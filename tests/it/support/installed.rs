//! Whether another program is here to judge by.

use std::io::Write as _;
use std::process::Command;

/// Whether a program is installed. Where it is not, that is said past the test runner's ears, for then less is tested.
pub fn is_installed(name: &str) -> bool {
    let found = Command::new(name).arg("--version").output().is_ok();
    if !found {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED a part: {name} is not installed here"
        );
    }
    found
}
