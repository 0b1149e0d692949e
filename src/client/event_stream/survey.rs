//! How far the partitions' logs go, asked over a connection of its own, so that the stream is left alone.

use tokio::time::{Instant, sleep_until};

use super::connect::{self, Found};
use super::error::StreamError;
use super::plan::Plan;

/// Asks for the partitions that the plan reads, at `at` where that is given: the way there is made before. No reader is
/// attached: the consumer group is not touched.
///
/// # Errors
/// [`StreamError`] tells at which stage it failed.
pub async fn survey(plan: &Plan, at: Option<Instant>) -> Result<Found, StreamError> {
    let mut opened = connect::open(plan, &mut |_| {}).await?;
    if let Some(at) = at {
        sleep_until(at).await;
    }
    let found = connect::find_partitions(plan, &mut opened).await;
    opened.connection.close().await;
    found
}
