//! Files that builds depend on: kept, replaced, refused, and never torn.

use std::path::Path;
use std::process::Stdio;

use super::{HOST, KEY, folder, hubctl, offline, sas_token, shown, text, write};

#[test]
fn min_left_keeps_a_file_and_says_so() {
    let folder = folder();
    let path = folder.path().join("include/secrets.h");
    let month = ["d", "-f", "c", "-d", "30d", "-o", shown(&path)];
    let due = [&month[..], &["--min-left", "7d"]].concat();
    let with_key = |line: &[&str]| {
        sas_token(
            &folder,
            &[&["--key", KEY, "--hub", HOST][..], line].concat(),
        )
    };
    let made = text(&with_key(&due).stderr);
    assert!(
        made.starts_with("made the folder ") && made.lines().count() == 1,
        "{made}"
    );
    let (first, modified) = read(&path);
    let kept = with_key(&due);
    assert!(text(&kept.stderr).contains("secrets.h is left as it is: valid until 2"));
    assert_eq!(kept.status.code(), Some(0));
    assert_eq!(read(&path), (first.clone(), modified));
    let quiet = with_key(&[&due[..], &["--quiet"]].concat());
    assert_eq!(text(&quiet.stderr), "");
    // Whatever was touched by hand is made anew.
    std::fs::write(&path, first.replace("30", "31")).unwrap();
    with_key(&due);
    assert!(!read(&path).0.contains("31d"));
    let alone = with_key(&["d", "--min-left", "7d"]);
    assert_eq!(alone.status.code(), Some(2));
}

fn read(path: &Path) -> (String, std::time::SystemTime) {
    let modified = std::fs::metadata(path).unwrap().modified().unwrap();
    (std::fs::read_to_string(path).unwrap(), modified)
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_is_refused() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let target = write(&folder, "target", "old");
    let link = folder.path().join("link");
    let dangling = folder.path().join("dangling");
    symlink(&target, &link).unwrap();
    symlink(folder.path().join("nothing"), &dangling).unwrap();
    for link in [&link, &dangling] {
        let refused = sas_token(
            &folder,
            &["d", "--key", KEY, "--hub", HOST, "-o", shown(link)],
        );
        assert_eq!(refused.status.code(), Some(3));
        assert!(text(&refused.stderr).contains("it is a link"));
    }
    assert_eq!(std::fs::read_to_string(target).unwrap(), "old");
    assert!(!folder.path().join("nothing").exists());
    let printed = offline(&folder, &["d", "-o", "/dev/stdout"]);
    assert!(printed.starts_with("SharedAccessSignature "));
}

/// Many builds at once, each with another token, and readers all the while: whatever is read is whole.
#[test]
fn builds_at_once_never_leave_a_torn_file() {
    let folder = folder();
    let path = folder.path().join("deep/secrets.h");
    let spawn = |seconds: usize| {
        let life = format!("{}s", 3600 + seconds);
        let mut command = hubctl(&folder);
        command
            .args(["sas-token", "d", "--key", KEY, "--hub", HOST, "-f", "c"])
            .args(["--with-ca", "-d", &life, "-o", shown(&path)])
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut children: Vec<_> = (0..40).map(spawn).collect();
    let mut seen = 0;
    while children
        .iter_mut()
        .any(|child| child.try_wait().unwrap().is_none())
    {
        if let Ok(read) = std::fs::read_to_string(&path) {
            assert!(read.starts_with("/*\n") && read.ends_with("#endif\n\n#endif\n"));
            seen += 1;
        }
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    assert!(seen > 0);
    let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "nothing but the file itself");
}

/// Builds that look after the same file at once, as `make -j` starts them: the file is whole, and good for each of them.
#[test]
fn builds_at_once_with_min_left_agree() {
    let folder = folder();
    let path = folder.path().join("secrets.h");
    let due = ["-d", "30d", "--min-left", "7d", "-o", shown(&path)];
    let children: Vec<_> = (0..20)
        .map(|_| {
            let mut command = hubctl(&folder);
            command
                .args(["sas-token", "d", "--key", KEY, "--hub", HOST, "-f", "c"])
                .args(due)
                .stderr(Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let before = read(&path);
    let line = ["--key", KEY, "--hub", HOST, "d", "-f", "c"];
    let last = sas_token(&folder, &[&line[..], &due].concat());
    assert!(text(&last.stderr).contains("is left as it is"));
    assert_eq!(read(&path), before);
}
