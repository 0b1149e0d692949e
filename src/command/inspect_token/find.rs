//! Finds the token in what was given: a bare one, a header line, a connection string, or a file that holds one.

use super::finding::Finding;
use crate::model::secret::Secret;
use crate::protocol::sas::SCHEME;
use percent_encoding::percent_decode_str;

/// Where a text came from, which decides whether its final line break is a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The command line, where nothing stands by accident.
    Argument,
    /// A file or standard input, which end with a line break by custom.
    Stream,
}

/// A token and how it was wrapped.
pub(super) struct Found {
    /// `sr=…&sig=…`, without what stood before and around it.
    pub(super) fields: Secret,
    /// What it was found in, a noun phrase.
    pub(super) place: String,
    /// What is odd about the wrapping.
    pub(super) findings: Vec<Finding>,
}

/// What may stand right behind the scheme: a blank, or one that was percent- or form-encoded.
const BLANKS: [&str; 4] = [" ", "\t", "%20", "+"];

/// What ends a token inside a file or a connection string.
const ENDS: [char; 10] = ['"', '\'', '`', '\n', '\r', ';', ',', '<', '>', ']'];

/// Finds the token, or nothing where there is none.
pub(super) fn find(text: &str, origin: Origin) -> Option<Found> {
    let mut findings = Vec::new();
    let bare = unwrap(text, origin, &mut findings);
    if let Some(fields) = whole(bare, &mut findings) {
        let place = if starts_with(bare, "authorization:") {
            "an Authorization header"
        } else {
            "a bare token"
        };
        return Some(Found {
            fields,
            place: place.to_owned(),
            findings,
        });
    }
    scan(text)
}

/// Takes off blanks, line breaks and quotes, and says so.
fn unwrap<'a>(text: &'a str, origin: Origin, findings: &mut Vec<Finding>) -> &'a str {
    let mut bare = text.trim_start_matches('\u{feff}');
    let body = match origin {
        Origin::Argument => bare,
        Origin::Stream => bare
            .strip_suffix("\r\n")
            .or(bare.strip_suffix('\n'))
            .unwrap_or(bare),
    };
    let trimmed = body.trim();
    if trimmed.len() < body.len() {
        let broken = body.trim_end().len() < body.len() && body.ends_with(['\n', '\r']);
        let what = if broken {
            "a line break stands behind the token"
        } else {
            "blanks stand around the token"
        };
        findings.push(
            Finding::wrong("surroundingWhitespace", "token", what)
                .should_be("the token without them; a header line must not hold a line break"),
        );
    } else if body.len() < bare.len() {
        findings.push(Finding::note(
            "finalNewline",
            "token",
            "a line break ends the input: $(…) takes it off, a program that reads the file must do so itself",
        ));
    }
    bare = trimmed;
    for quote in ['"', '\''] {
        let inner = bare
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            findings.push(
                Finding::wrong(
                    "quotes",
                    "token",
                    format!("{quote} stands around the token"),
                )
                .should_be("the token without quotes"),
            );
            return inner.trim();
        }
    }
    bare
}

/// The fields of a text that is a token from its first character to its last.
fn whole(text: &str, findings: &mut Vec<Finding>) -> Option<Secret> {
    let mut kept = Vec::new();
    let mut rest = text;
    if starts_with(rest, "authorization:") {
        rest = rest["authorization:".len()..].trim_start();
    }
    if starts_with(rest, "bearer ") {
        rest = rest["bearer ".len()..].trim_start();
        kept.push(
            Finding::wrong("bearerPrefix", "token", "\"Bearer\" stands before it")
                .should_be(format!("{SCHEME} sr=…, with nothing before it")),
        );
    }
    let mut schemes = 0;
    let mut encoded = false;
    while let Some((after, blank)) = after_scheme(rest) {
        if schemes == 0 && !rest.starts_with(SCHEME) {
            kept.push(
                Finding::odd("prefixCase", "token", "its first word is in another case")
                    .should_be(SCHEME),
            );
        }
        encoded |= blank == "%20" || blank == "+";
        schemes += 1;
        rest = after.trim_start();
    }
    // Without a scheme only a text that begins with a field can be meant as a token.
    let decoded_head: String = percent_decode_str(rest).decode_utf8_lossy().into_owned();
    let is_field = ["sr=", "sig=", "se=", "skn="]
        .iter()
        .any(|name| starts_with(&decoded_head, name));
    if schemes == 0 && !(is_field && decoded_head.contains("sig=")) {
        return None;
    }
    match schemes {
        0 => kept.push(
            Finding::wrong("missingPrefix", "token", "it does not begin with its scheme")
                .should_be(format!("{SCHEME} sr=…")),
        ),
        1 => {}
        _ => kept.push(
            Finding::wrong("doubledPrefix", "token", format!("\"{SCHEME}\" stands before it twice"))
                .should_be(format!("{SCHEME} sr=…, once; in a connection string the key SharedAccessSignature= comes before that")),
        ),
    }
    findings.append(&mut kept);
    Some(mend(rest, encoded, findings))
}

/// Undoes what was done to the token as a whole, and says so.
fn mend(fields: &str, encoded: bool, findings: &mut Vec<Finding>) -> Secret {
    let mut fields = fields.to_owned();
    let lower = fields.to_ascii_lowercase();
    if encoded || (!fields.contains('&') && lower.contains("%26")) {
        findings.push(
            Finding::wrong("wholeTokenEncoded", "token", "the whole token was percent-encoded once more")
                .should_be("only the values of sr, sig and skn are percent-encoded; blanks, '&' and the '=' behind a name are not"),
        );
        if lower.contains("%26") {
            fields = percent_decode_str(&fields).decode_utf8_lossy().into_owned();
        }
    }
    if fields.contains("&amp;") {
        findings.push(
            Finding::wrong(
                "htmlAmpersand",
                "token",
                "\"&amp;\" stands between the fields",
            )
            .should_be("& alone"),
        );
        fields = fields.replace("&amp;", "&");
    }
    if fields.contains(['\n', '\r']) {
        findings.push(
            Finding::wrong("lineBreak", "token", "a line break stands inside it")
                .should_be("the token on one line"),
        );
        fields.retain(|c| !matches!(c, '\n' | '\r'));
    }
    Secret::new(fields)
}

/// Looks for a token inside a connection string, a generated header, JSON, a shell or CMake file.
fn scan(text: &str) -> Option<Found> {
    let lower = text.to_ascii_lowercase();
    let scheme = SCHEME.to_ascii_lowercase();
    let at = lower.match_indices(&scheme).map(|(at, _)| at).find(|at| {
        after_scheme(&text[*at..]).is_some_and(|(rest, _)| {
            let rest = rest.trim_start();
            after_scheme(rest).is_some()
                || rest.get(..64).unwrap_or(rest).contains('=')
                || rest.contains("%3")
        })
    })?;
    let rest = &text[at..];
    let end = rest.find(ENDS).unwrap_or(rest.len());
    let token = rest[..end]
        .trim_end_matches(['\\', ' '])
        .replace("\\u0026", "&")
        .replace("\\u003d", "=")
        .replace("\\u002b", "+")
        .replace("\\/", "/");
    let mut findings = Vec::new();
    let fields = whole(&token, &mut findings)?;
    let before = &text[..at];
    let line = before.rsplit('\n').next().unwrap_or_default();
    let place = if line
        .trim_end()
        .to_ascii_lowercase()
        .ends_with("sharedaccesssignature=")
    {
        "a connection string".to_owned()
    } else {
        let number = before.matches('\n').count() + 1;
        match name_before(line) {
            Some(name) => format!("{name}, line {number}"),
            None => format!("line {number}"),
        }
    };
    if others(&lower[at + end..], &scheme) {
        findings.push(Finding::note(
            "moreTokens",
            "token",
            "further tokens stand behind this one; only the first is explained",
        ));
    }
    Some(Found {
        fields,
        place,
        findings,
    })
}

fn others(rest: &str, scheme: &str) -> bool {
    BLANKS
        .iter()
        .any(|blank| rest.contains(&format!("{scheme}{blank}")))
}

/// The name that the token was given in its file: the last word that is none of a language's own.
fn name_before(line: &str) -> Option<&str> {
    const WORDS: [&str; 16] = [
        "str",
        "define",
        "const",
        "static",
        "char",
        "set",
        "PROGMEM",
        "data",
        "string",
        "export",
        "pub",
        "header",
        "Authorization",
        "curl",
        "CACHE",
        "STRING",
    ];
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .rev()
        .find(|word| {
            word.len() > 2
                && word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && !WORDS.contains(word)
        })
}

/// What stands behind the scheme and its blank, and which blank it is.
fn after_scheme(text: &str) -> Option<(&str, &'static str)> {
    if !starts_with(text, SCHEME) {
        return None;
    }
    let rest = &text[SCHEME.len()..];
    BLANKS
        .into_iter()
        .find_map(|blank| Some((rest.strip_prefix(blank)?, blank)))
}

fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(beginning))
}
