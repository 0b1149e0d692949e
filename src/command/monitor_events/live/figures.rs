//! Figures as short as a column needs them.

use std::time::Duration;

use super::window::float;

/// A count: in full up to six digits, then in thousands or more.
pub(super) fn count(count: u64) -> String {
    if count < 1_000_000 {
        return count.to_string();
    }
    scaled(float(count), "")
}

/// Bytes, by thousands.
pub(super) fn bytes(count: u64) -> String {
    if count < 1000 {
        return format!("{count} B");
    }
    scaled(float(count), "B")
}

fn scaled(value: f64, unit: &str) -> String {
    let (mut value, mut scale) = (value / 1000.0, "k");
    for next in ["M", "G", "T"] {
        // What would be rounded to 1000 belongs to the next.
        if value < 999.5 {
            break;
        }
        (value, scale) = (value / 1000.0, next);
    }
    let decimals = if value < 9.995 {
        2
    } else {
        usize::from(value < 99.95)
    };
    let blank = if unit.is_empty() { "" } else { " " };
    format!("{value:.decimals$}{blank}{scale}{unit}")
}

/// Events a second; what is slower than one in ten seconds as events a minute.
pub(super) fn rate(per_second: f64) -> String {
    if per_second >= 9.95 {
        format!("{per_second:.0}/s")
    } else if per_second >= 0.095 {
        format!("{per_second:.1}/s")
    } else if per_second > 0.0 {
        format!("{:.1}/min", per_second * 60.0)
    } else {
        "0/s".to_owned()
    }
}

/// A span of time.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.subsec_millis()),
        1..10 => format!("{seconds}.{} s", span.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Milliseconds, which may be fewer than none where two clocks disagree.
pub(super) fn milliseconds(milliseconds: i64) -> String {
    let text = span(Duration::from_millis(milliseconds.unsigned_abs()));
    if milliseconds < 0 {
        format!("-{text}")
    } else {
        text
    }
}

/// A measured value in six figures or so.
pub(super) fn value(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(count(999_999), "999999");
        assert_eq!(count(1_234_567), "1.23M");
        assert_eq!(count(u64::MAX), "18446744T");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1000), "1.00 kB");
        assert_eq!(bytes(999_600), "1.00 MB");
        assert_eq!(bytes(12_345_678), "12.3 MB");
        assert_eq!(rate(0.0), "0/s");
        assert_eq!(rate(0.05), "3.0/min");
        assert_eq!(rate(20.26), "20/s");
        assert_eq!(milliseconds(-250), "-250 ms");
        assert_eq!(milliseconds(2_150), "2.1 s");
        assert_eq!(span(Duration::from_secs(3725)), "1h02m");
        assert_eq!(span(Duration::from_secs(61)), "1m01s");
        assert_eq!(span(Duration::from_secs(90_000)), "1d01h");
        assert_eq!(value(24.5), "24.5");
        assert_eq!(value(-3.0), "-3");
        assert_eq!(value(0.0), "0");
        assert_eq!(value(1.5e9), "1.500e9");
    }
}
