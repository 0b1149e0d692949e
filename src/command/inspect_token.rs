//! `inspect-token`: explains a token, names what is wrong with it, and with a key says whether the signature is right.
//!
//! Touches no network, unless a hub's login must look a device's keys up. Standard output holds the explanation, which
//! holds neither the signature nor a key.

mod examine;
mod expiry;
mod fields;
mod find;
mod finding;
mod keys;
mod opens;
mod report;
mod spellings;
mod verify;

use std::time::Duration;

use chrono::SubsecRound as _;
use clap::{Args, ValueEnum};

use super::Context;
use super::key::read_text;
use crate::config::ConnectionOptions;
use crate::config::options::SecretText;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::ConnectionString;
use crate::model::span::parse_duration;
use examine::Examined;
use fields::Fields;
use find::{Found, Origin};
use finding::Finding;
use report::Report;
use spellings::Expected;
use verify::Verdict;

/// No file that holds a token is larger, in bytes.
const LIMIT: u64 = 1 << 20;

/// Explain a SAS token: what it opens, until when, and what is wrong with it
///
/// The token may be given bare, as an Authorization header, in a connection string, or in any file that sas-token writes;
/// of a file the first token counts. With --key, --login or --profile the signature is checked, and where it is wrong, the
/// first field that differs is named; without them nothing is checked, whatever the environment holds. The token and the
/// key themselves are never shown.
///
/// Exit codes: 0 nothing is wrong; 3 there is no token; 4 the signature is wrong for the key, or the token has a
/// mistake for which it would be refused; 12 it has expired, or will within --min-left. A wrong signature comes before an
/// expiry, and an expiry before any other mistake.
#[derive(Debug, Args)]
pub struct InspectTokenArgs {
    /// The token, @FILE to find it in a file, or - for standard input
    #[arg(value_name = "TOKEN|@FILE|-")]
    token: SecretText,

    /// Check the signature with this key (base64), with the key in @FILE, or with the one on standard input for -
    #[arg(long, value_name = "KEY|@FILE|-", conflicts_with_all = ["login", "profile"])]
    key: Option<SecretText>,

    /// End with exit code 12 unless the token still has this long to run
    #[arg(long, value_name = "DURATION", default_value = "0", hide_default_value = true, value_parser = parse_duration)]
    min_left: Duration,

    /// How to write it down; --json is the same as json here
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Explanation,

    #[command(flatten)]
    connection: ConnectionOptions,
}

/// How an explanation is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Explanation {
    /// Lines for a person
    Text,
    /// One JSON object
    Json,
}

impl InspectTokenArgs {
    /// Whether the answer is JSON, so that errors are as well.
    #[must_use]
    pub fn answers_in_json(&self) -> bool {
        self.format == Explanation::Json
    }
}

/// Explains the token.
///
/// # Errors
/// [`Kind::Input`] without a token, [`Kind::Refused`] and [`Kind::ConditionMissed`] by what is wrong with it.
pub fn run(args: &InspectTokenArgs, context: &mut Context) -> Result<(), Failure> {
    let stdin = |text: Option<&SecretText>| text.is_some_and(|text| text.0 == "-");
    let login = args.connection.login.as_ref();
    if stdin(Some(&args.token)) && (stdin(args.key.as_ref()) || stdin(login)) {
        return Err(Failure::new(
            Kind::Usage,
            "the token and the key cannot both come from standard input",
        )
        .hint("Give one of them as @FILE."));
    }
    let text = read_text(&args.token.0, LIMIT, "the token", context)?;
    let origin = match args.token.0.as_bytes() {
        [b'@', ..] | b"-" => Origin::Stream,
        _ => Origin::Argument,
    };
    let now = context.now().trunc_subsecs(0);
    let Found {
        fields,
        place,
        mut findings,
    } = find::find(text.expose(), origin).ok_or_else(|| no_token(text.expose()))?;
    let fields =
        Fields::read(fields.expose(), &mut findings).ok_or_else(|| no_token(text.expose()))?;
    let examined = examine::examine(&fields, &mut findings);
    let expires = expiry::read(fields.expiry(), now, &mut findings);
    let (verdict, trouble) = check(args, &fields, &examined, &mut findings, context);
    findings.sort_by_key(|finding| finding.severity);
    let report = Report {
        place,
        policy: fields.policy(),
        expiry_text: fields.expiry().to_owned(),
        expires,
        now,
        masked_signature: fields.masked_signature(),
        signed_text: fields.signed_text(),
        opens: examined.opens,
        verdict,
        findings,
    };
    let text = if context.json {
        report.to_json()
    } else {
        report.to_text()
    };
    context.print(text.as_bytes())?;
    trouble.map_or(Ok(()), Err)?;
    judge(&report, args.min_left)
}

fn no_token(text: &str) -> Failure {
    let failure = Failure::new(Kind::Input, "there is no SAS token in it");
    let hint = if ConnectionString::parse(text).is_ok() {
        "It is a connection string with a key; `hubctl sas-token --login` makes a token from it."
    } else {
        "A token begins with \"SharedAccessSignature sr=\"."
    };
    failure.hint(hint)
}

/// Whether the command ends well.
fn judge(report: &Report, min_left: Duration) -> Result<(), Failure> {
    let mistake = report.mistake();
    let refused = |what: &str| {
        let failure = Failure::new(Kind::Refused, what);
        match mistake {
            Some(mistake) => failure
                .because(&format!("{}: {}", mistake.field, mistake.what))
                .hint(match &mistake.should_be {
                    Some(should_be) => format!("It should be: {should_be}."),
                    None => "Make it anew with `hubctl sas-token`.".to_owned(),
                }),
            None => failure,
        }
    };
    if report.verdict == Verdict::Wrong {
        return Err(refused("the signature is wrong"));
    }
    let left = report.expires.map(|expires| expires - report.now);
    if left.is_some_and(|left| {
        left.to_std()
            .map_or(true, |left| left.is_zero() || left < min_left)
    }) {
        let what = if report.expired() {
            "the token has expired"
        } else {
            "the token expires within --min-left"
        };
        return Err(
            Failure::new(Kind::ConditionMissed, what).hint("Make it anew with `hubctl sas-token`.")
        );
    }
    match mistake {
        Some(_) => Err(refused("the token would be refused")),
        None => Ok(()),
    }
}

/// Checks the signature, where there is a key; a failure on the way there comes beside what is known without it.
fn check(
    args: &InspectTokenArgs,
    fields: &Fields,
    examined: &Examined,
    findings: &mut Vec<Finding>,
    context: &mut Context,
) -> (Verdict, Option<Failure>) {
    let given = match &args.key {
        Some(key) => keys::given(&key.0, findings, context),
        None if args.connection.login.is_some() || args.connection.profile.is_some() => {
            keys::of_login(&args.connection, fields, examined, context)
        }
        None => Ok((Expected::default(), Vec::new())),
    };
    match given {
        Ok((expected, candidates)) => (
            verify::verify(fields, examined, &expected, &candidates, findings),
            None,
        ),
        Err(failure) => (Verdict::NotChecked, Some(failure)),
    }
}

#[cfg(test)]
mod tests;
