//! The ids under which refusals would be found in the service's logs.

/// Those of one connection.
#[derive(Debug)]
pub(super) struct Tracker {
    connection: u128,
    count: u32,
}

impl Tracker {
    /// Ids of a connection that is known by this number.
    pub(super) fn new(connection: u128) -> Self {
        Self {
            connection,
            count: 0,
        }
    }

    /// The next refusal's.
    pub(super) fn next_id(&mut self) -> String {
        self.count = self.count.wrapping_add(1);
        format!("{:032x}-G:{}", self.connection, self.count)
    }
}
