//! What happens on the way, in words.

use std::time::Duration;

use crate::client::event_stream::{Notice, Way};

/// A notice as one line for stderr.
pub(super) fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::Connected { host, port, way } => match way {
            Way::Direct => format!("connected to {host}:{port}"),
            Way::WebSocket => format!("connected to {host}:{port} over WebSocket"),
            Way::Proxy(proxy) => {
                format!("connected to {host}:{port} over WebSocket through the proxy {proxy}")
            }
        },
        Notice::Redirected { host, port, entity } => {
            format!("redirected to {entity} at {host}:{port}")
        }
        Notice::Attached {
            partitions,
            of,
            consumer_group,
        } => format!("partitions attached {partitions}/{of} in consumer group {consumer_group}"),
        Notice::ConnectionLost { reason, retry_in } => {
            format!(
                "connection lost: {reason}; trying again in {}",
                wait(*retry_in)
            )
        }
        Notice::LinkLost {
            partition,
            reason,
            retry_in,
        } => format!(
            "partition {partition}: {reason}; trying again in {}",
            wait(*retry_in)
        ),
        Notice::LinkMended { partition, after } => match after {
            Some(number) => {
                format!("partition {partition}: reading again after sequence number {number}")
            }
            None => format!("partition {partition}: reading again"),
        },
        Notice::StartedOver { partitions } => format!(
            "the hub was made anew: reading partition {} from the beginning",
            partitions.join(", ")
        ),
        Notice::Gone { partition, count } => {
            let events = events_are(*count);
            format!("partition {partition}: {events} gone, retention has passed them")
        }
        Notice::Missing {
            partition,
            count,
            last,
        } => {
            let before = match last {
                Some(number) => format!(" up to sequence number {number}"),
                None => String::new(),
            };
            format!(
                "partition {partition}: {} missing{before}",
                events_are(*count)
            )
        }
        Notice::TokenRenewed => "token renewed".to_owned(),
        Notice::TokenRefused { reason, retry_in } => {
            format!(
                "token not renewed: {reason}; trying again in {}",
                wait(*retry_in)
            )
        }
        Notice::Unreadable { partition, reason } => {
            format!("partition {partition}: passed over something that cannot be read: {reason}")
        }
    }
}

fn events_are(count: u64) -> String {
    match count {
        1 => "1 event is".to_owned(),
        _ => format!("{count} events are"),
    }
}

fn wait(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{:.1} s", duration.as_secs_f32())
    } else {
        format!("{} s", duration.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_short() {
        assert_eq!(wait(Duration::from_millis(250)), "0.2 s");
        assert_eq!(wait(Duration::from_secs(15)), "15 s");
    }

    #[test]
    fn one_event_is_and_several_are() {
        for (count, words) in [
            (1, "partition 2: 1 event is missing"),
            (5, "partition 2: 5 events are missing"),
        ] {
            let notice = Notice::Missing {
                partition: "2".to_owned(),
                count,
                last: None,
            };
            assert_eq!(sentence(&notice), words);
        }
    }
}
