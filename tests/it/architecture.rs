//! The house's own rules, read off the sources: imports run strictly downwards, rooms of one floor do not know each
//! other, no circle inside a room, and the clock, the environment, files and sockets stand only where they belong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every room with its floor.
const FLOORS: [(&str, u8); 14] = [
    ("main", 6),
    ("lib", 6),
    ("cli", 5),
    ("command", 4),
    ("failure", 3),
    ("client", 2),
    ("emulator", 2),
    ("firmware", 2),
    ("render", 2),
    ("config", 2),
    ("protocol", 1),
    ("trust", 1),
    ("model", 0),
    ("tracer", 0),
];

/// What only some files may touch: what to look for, and which files (or folders, by prefix) may hold it.
const RESERVED: [(&str, &[&str], &[&str]); 4] = [
    (
        "the clock",
        &["Utc::now", "Local::now", "SystemTime::now"],
        &["main.rs"],
    ),
    (
        "the environment",
        &["std::env::", "env::var"],
        // The words of the command line come to main by the same module.
        &["config/environment.rs", "main.rs"],
    ),
    (
        "files",
        &["std::fs::", "fs::File", "tokio::fs", "tempfile::"],
        &[
            "main.rs",
            "config/file.rs",
            "config/recording.rs",
            "trust.rs",
            "emulator/state.rs",
            "emulator/store/",
            "command/demo.rs",
        ],
    ),
    (
        "sockets",
        &["std::net::Tcp", "tokio::net::", "TcpStream", "TcpListener"],
        &["client/", "emulator/doors.rs", "emulator/listener.rs"],
    ),
];

/// The longest that a file may be, without its tests.
const LONGEST_FILE: usize = 450;

struct Source {
    /// Relative to `src`, with forward slashes.
    path: String,
    /// Without comments and tests.
    code: String,
    lines: usize,
}

impl Source {
    fn room(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// The module path below the crate: `["client", "amqp", "cbs"]`.
    fn module(&self) -> Vec<String> {
        let mut parts: Vec<String> = self
            .path
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if parts.last().is_some_and(|last| last == "mod") {
            parts.pop();
        }
        parts
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let code = without_tests(&text);
            let relative = path
                .strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            Source {
                path: relative,
                lines: code.lines().count(),
                code: without_comments(&code),
            }
        })
        // Files of tests alone are no part of the house.
        .filter(|source| {
            let is_test =
                |part: &str| part.trim_end_matches(".rs") == "tests" || part.starts_with("test_");
            !source.path.split('/').any(is_test)
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn without_tests(text: &str) -> String {
    const MARK: &str = "\n#[cfg(test)]\nmod ";
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, tests)) = rest.split_once(MARK) {
        code.push_str(before);
        let name_ends = tests.find([';', ' ']);
        // Where tests are in a file of their own, the house goes on behind their name.
        rest = match name_ends {
            Some(end) if tests[end..].starts_with(';') => &tests[end + 1..],
            _ => "",
        };
    }
    code + rest
}

fn without_comments(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn floor_of(room: &str) -> u8 {
    let found = FLOORS.iter().find(|(name, _)| *name == room);
    found
        .unwrap_or_else(|| {
            panic!("the room {room:?} stands on no floor; give it one in tests/it/architecture.rs")
        })
        .1
}

/// Every module path that `source` names, as segments from the crate's root: `use` trees are taken apart.
fn mentions(source: &Source) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let code = &source.code;
    for (start, _) in code.match_indices("crate::") {
        found.extend(expand(&code[start + "crate::".len()..]));
    }
    let module = source.module();
    // `super` in a folder's mod.rs means the folder's parent, in a file beside it the folder itself.
    let depth = module.len();
    for (start, _) in code.match_indices("super::") {
        // Only the first of a chain, the rest is counted from it.
        if code[..start].ends_with("super::") {
            continue;
        }
        let mut rest = &code[start..];
        let mut up = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            rest = after;
            up += 1;
        }
        if up > depth {
            continue;
        }
        let base = &module[..depth - up];
        for tail in expand(rest) {
            found.insert(base.iter().cloned().chain(tail).collect());
        }
    }
    found
}

/// The paths of a use tree that begins at `text`: `a::{b, c::d}` gives `a b` and `a c d`.
fn expand(text: &str) -> Vec<Vec<String>> {
    let name: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let rest = &text[name.len()..];
    if name.is_empty() {
        return match rest.strip_prefix('{') {
            Some(inner) => split_group(inner)
                .into_iter()
                .flat_map(|part| expand(part.trim()))
                .collect(),
            None => Vec::new(),
        };
    }
    let tails = rest.strip_prefix("::").map(expand).unwrap_or_default();
    if tails.is_empty() {
        return vec![vec![name]];
    }
    tails
        .into_iter()
        .map(|tail| std::iter::once(name.clone()).chain(tail).collect())
        .collect()
}

fn split_group(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (index, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&text[start..index]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts
}

#[test]
fn imports_run_strictly_downwards() {
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for source in sources() {
        let room = source.room().to_owned();
        for mention in mentions(&source) {
            let Some(other) = mention
                .first()
                .filter(|other| FLOORS.iter().any(|(name, _)| name == other))
            else {
                continue;
            };
            arrows += 1;
            if *other != room && floor_of(other) >= floor_of(&room) {
                wrong.push(format!(
                    "src/{} (floor {}) imports {other} (floor {})",
                    source.path,
                    floor_of(&room),
                    floor_of(other)
                ));
            }
        }
        floor_of(&room);
    }
    assert!(
        arrows > 50,
        "only {arrows} imports were found; the reader of sources is broken"
    );
    assert!(
        wrong.is_empty(),
        "imports that run up or sideways:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_room_holds_a_circle() {
    let sources = sources();
    let folders: BTreeSet<Vec<String>> = sources
        .iter()
        .map(|source| {
            source
                .path
                .split('/')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .flat_map(|parts| {
            (1..parts.len())
                .map(|depth| parts[..depth].to_vec())
                .collect::<Vec<_>>()
        })
        .collect();
    for folder in folders {
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for source in &sources {
            let module = source.module();
            // A folder's own mod.rs is its front door and may name everyone.
            if module.len() <= folder.len() || !module.starts_with(&folder) {
                continue;
            }
            let from = &module[folder.len()];
            for mention in mentions(source) {
                if mention.len() > folder.len()
                    && mention.starts_with(&folder)
                    && &mention[folder.len()] != from
                {
                    arrows
                        .entry(from.clone())
                        .or_default()
                        .insert(mention[folder.len()].clone());
                }
            }
        }
        if let Some(circle) = circle_in(&arrows) {
            panic!(
                "a circle in src/{}: {}",
                folder.join("/"),
                circle.join(" -> ")
            );
        }
    }
}

fn circle_in(arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        at: &str,
        arrows: &BTreeMap<String, BTreeSet<String>>,
        trail: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> bool {
        if trail.iter().any(|seen| seen == at) {
            trail.push(at.to_owned());
            return true;
        }
        if !done.insert(at.to_owned()) {
            return false;
        }
        trail.push(at.to_owned());
        for next in arrows.get(at).into_iter().flatten() {
            if visit(next, arrows, trail, done) {
                return true;
            }
        }
        trail.pop();
        false
    }
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|start| {
        let mut trail = Vec::new();
        visit(start, arrows, &mut trail, &mut done).then_some(trail)
    })
}

#[test]
fn clock_environment_files_and_sockets_stand_where_they_belong() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (what, marks, allowed) in RESERVED {
            let may = allowed.iter().any(|prefix| source.path.starts_with(prefix));
            for mark in marks {
                if !may && source.code.contains(mark) {
                    wrong.push(format!("src/{} uses {what} ({mark})", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_outgrows_its_room() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.lines > LONGEST_FILE)
        .map(|source| format!("src/{}: {} lines", source.path, source.lines))
        .collect();
    assert!(
        long.is_empty(),
        "longer than {LONGEST_FILE} lines without tests:\n{}",
        long.join("\n")
    );
}

#[test]
fn the_circle_finder_finds_circles() {
    let arrows = |pairs: &[(&str, &str)]| {
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            arrows
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        arrows
    };
    assert!(circle_in(&arrows(&[("a", "b"), ("b", "c"), ("c", "a")])).is_some());
    assert!(circle_in(&arrows(&[("a", "b"), ("a", "c"), ("b", "c")])).is_none());
    assert_eq!(
        expand("a::{b, c::{d, e}};"),
        [
            ["a", "b"].map(str::to_owned).to_vec(),
            ["a", "c", "d"].map(str::to_owned).to_vec(),
            ["a", "c", "e"].map(str::to_owned).to_vec()
        ]
    );
}
