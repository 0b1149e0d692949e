//! Failures of the command line: the parser's words in our three lines.

use clap::error::{ContextKind, ContextValue};

use super::{Failure, Kind};

impl From<&clap::Error> for Failure {
    fn from(error: &clap::Error) -> Self {
        let rendered = error.render().to_string();
        let mut failure = Self::new(Kind::Usage, headline(&rendered));
        if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
            && !values.is_empty()
        {
            failure = failure.because(&format!("it can be {}", values.join(", ")));
        }
        failure.hint(hint(&rendered))
    }
}

/// The message itself, on one line: what stands before the first blank line, without its own `error:`.
fn headline(rendered: &str) -> String {
    let lines = rendered.lines().take_while(|line| !line.trim().is_empty());
    let lines = lines
        .map(str::trim)
        .filter(|line| !line.starts_with("[possible values"));
    let text = lines.collect::<Vec<_>>().join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

/// The parser's own tip where it has one, and how the command is called.
fn hint(rendered: &str) -> String {
    let tips = rendered
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "));
    let usage = rendered
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Usage: "));
    let mut sentences: Vec<String> = tips.map(|tip| format!("{}.", sentence(tip))).collect();
    sentences.extend(usage.map(|usage| format!("Usage: {usage}; --help tells more.")));
    if sentences.is_empty() {
        sentences.push("--help tells more.".to_owned());
    }
    sentences.join(" ")
}

/// The text with a capital at its front.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, Command};

    fn told(words: &[&str]) -> String {
        let command = Command::new("hubctl")
            .arg(
                Arg::new("format")
                    .long("format")
                    .value_parser(["c", "rust"]),
            )
            .arg(Arg::new("device").required(true));
        Failure::from(&command.try_get_matches_from(words).unwrap_err()).to_text(false)
    }

    #[test]
    fn the_parsers_words_are_three_lines() {
        assert_eq!(
            told(&["hubctl", "d", "--format", "d"]),
            "error: invalid value 'd' for '--format <format>'\n  because: it can be c, rust\n  hint: --help tells more.\n"
        );
        assert_eq!(
            told(&["hubctl", "d", "--formt", "c"]),
            "error: unexpected argument '--formt' found\n  hint: A similar argument exists: '--format'. Usage: hubctl --format <format> <device>; --help tells more.\n"
        );
        assert_eq!(
            told(&["hubctl"]),
            "error: the following required arguments were not provided: <device>\n  hint: Usage: hubctl <device>; --help tells more.\n"
        );
    }
}
