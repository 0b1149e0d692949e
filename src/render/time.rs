//! Points in time as RFC 3339.

const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// Appends `2018-05-03T09:13:23.008Z`. False, and nothing appended, for a time outside the years 0 to 9999.
pub fn write_time(milliseconds: i64, out: &mut Vec<u8>) -> bool {
    let days = milliseconds.div_euclid(MILLISECONDS_PER_DAY);
    let of_day = milliseconds.rem_euclid(MILLISECONDS_PER_DAY);
    let Some((year, month, day)) = civil(days) else {
        return false;
    };
    let mut text = *b"0000-00-00T00:00:00.000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], day);
    digits(&mut text[11..13], of_day / 3_600_000);
    digits(&mut text[14..16], of_day / 60_000 % 60);
    digits(&mut text[17..19], of_day / 1000 % 60);
    digits(&mut text[20..23], of_day % 1000);
    out.extend_from_slice(&text);
    true
}

fn digits(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Year, month and day by the days since 1970-01-01, after Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> Option<(i64, i64, i64)> {
    let days = days.checked_add(719_468)?;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (0..=9999).contains(&year).then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, SecondsFormat};
    use proptest::prelude::*;

    fn text(milliseconds: i64) -> Option<String> {
        let mut out = Vec::new();
        write_time(milliseconds, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn known_times() {
        assert_eq!(
            text(1_525_338_803_008).as_deref(),
            Some("2018-05-03T09:13:23.008Z")
        );
        assert_eq!(text(0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(text(-1).as_deref(), Some("1969-12-31T23:59:59.999Z"));
        assert_eq!(text(i64::MAX), None);
        assert_eq!(text(i64::MIN), None);
    }

    proptest! {
        #[test]
        fn it_agrees_with_chrono(milliseconds in -62_167_219_200_000_i64..253_402_300_800_000) {
            let expected = DateTime::from_timestamp_millis(milliseconds)
                .unwrap()
                .to_rfc3339_opts(SecondsFormat::Millis, true);
            prop_assert_eq!(text(milliseconds), Some(expected));
        }
    }
}
