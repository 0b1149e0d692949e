//! `--print-request`: the first request of a run as it would go out, and where its body is.

use bytes::Bytes;

use super::curl::{self, Data};
use super::delivery::{Delivery, Loss};
use super::plan::{BodyTemplate, Input};
use super::post::{Posts, Tokens};
use super::run::Run;
use super::source::Source;
use crate::client::https::EventPost;
use crate::client::notice;
use crate::command::Context;
use crate::command::teller::{Teller, hub_client};
use crate::failure::https::{OpenedBy, explain};
use crate::failure::{Failure, Kind};
use crate::model::secret::Secret;
use crate::protocol::sas;

const WHAT: &str = "cannot show the request";

/// The longest argument that Linux hands to a program, in bytes, with a little room (`MAX_ARG_STRLEN`, execve(2)).
const LONGEST_ARGUMENT: usize = 131_000;

/// A request to be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The curl command, with a final newline.
    pub(super) command: String,
    /// What must be known to use it.
    pub(super) notes: Vec<&'static str>,
}

/// Shows the first request. With `--batch` that is the first batch.
///
/// # Errors
/// [`Kind::Input`] for an input without messages, and for a message that cannot be sent.
pub(super) fn show(
    run: &Run<'_>,
    source: &Source,
    template: BodyTemplate,
    teller: &Teller<'_>,
) -> Result<Shown, Failure> {
    let failed = |error| explain(WHAT, &error, OpenedBy::DeviceToken, (run.clock)());
    let plan = run.plan;
    let is_filled = template != BodyTemplate::None;
    let client = hub_client(&plan.host, run.settings, &notice::ignore)?;
    let posts = Posts::new(&client, &plan.device, &plan.form, masked(run), run.clock)
        .map_err(failed)?
        .with_template(template);
    let (post, body) = Context::block_on(async {
        if run.args.batch {
            first_batch(run, &posts, source, teller).await
        } else {
            first_message(run, &posts, source).await
        }
    })?;
    let data = match &plan.input {
        Input::File(path) if !run.args.lines && !run.args.batch && !is_filled => Data::File(path),
        Input::File(_) | Input::Text(_) | Input::Stdin { .. } => Data::inline(&body),
    };
    let mut notes = Vec::new();
    match data {
        Data::Piped => notes.push(
            "note: the body is not text, so it does not stand in the command: pipe it into curl, which reads it by --data-binary @-",
        ),
        Data::Text(text) if text.len() > LONGEST_ARGUMENT => notes.push(
            "warning: the body is longer than a shell hands to a program: put it into a file, and name it by --data-binary @FILE",
        ),
        Data::Text(_) | Data::File(_) => {}
    }
    Ok(Shown {
        command: curl::command(&post, data, run.settings.ca_file.as_deref()),
        notes,
    })
}

fn masked(run: &Run<'_>) -> Tokens {
    let plan = run.plan;
    let resource = sas::resource(&plan.host.name, Some(plan.device.as_str()), None);
    Tokens::Given(Secret::new(format!(
        "{} sr={}&sig=***&se=***",
        sas::SCHEME,
        sas::percent_encode(&resource)
    )))
}

async fn first_message(
    run: &Run<'_>,
    posts: &Posts<'_>,
    source: &Source,
) -> Result<(EventPost, Bytes), Failure> {
    let raw = source.next().await.ok_or_else(nothing)?;
    let message = posts
        .compose(raw)
        .map_err(|unfit| lost(run, Loss::Unfit(unfit)))?;
    let post = posts
        .request(&message)
        .map_err(|error| lost(run, Loss::Https(error)))?;
    Ok((post, message.body))
}

async fn first_batch(
    run: &Run<'_>,
    posts: &Posts<'_>,
    source: &Source,
    teller: &Teller<'_>,
) -> Result<(EventPost, Bytes), Failure> {
    let delivery = Delivery::new(posts, source, teller, run.flow());
    let Some(body) = delivery.first_batch().await else {
        let (_, loss) = delivery.into_outcome();
        return Err(loss.map_or_else(nothing, |first| lost(run, first.loss)));
    };
    let post = posts
        .batch_request()
        .map_err(|error| lost(run, Loss::Https(error)))?;
    Ok((post, body))
}

fn lost(run: &Run<'_>, loss: Loss) -> Failure {
    loss.into_failure(WHAT.to_owned(), OpenedBy::DeviceToken, (run.clock)())
}

fn nothing() -> Failure {
    Failure::new(Kind::Input, "there is no message to show").because("the input is empty")
}
