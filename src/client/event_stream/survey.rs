//! How far the partitions' logs go by now, asked over a connection of its own, so that the stream is left alone.

use super::connect::{self, Found};
use super::error::StreamError;
use super::plan::Plan;

/// Asks for every partition, whichever the plan reads. No reader is attached: the consumer group is not touched.
///
/// # Errors
/// [`StreamError`] tells at which stage it failed.
pub async fn survey(plan: &Plan) -> Result<Found, StreamError> {
    let plan = Plan {
        partitions: Vec::new(),
        ..plan.clone()
    };
    let mut opened = connect::open(&plan, &mut |_| {}).await?;
    let found = connect::find_partitions(&plan, &mut opened).await;
    opened.connection.close().await;
    found
}
