//! Points in time as RFC 3339.

const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// Appends `2018-05-03T09:13:23.008Z`. False, and nothing appended, for a time outside the years 0 to 9999.
pub fn write_time(milliseconds: i64, out: &mut Vec<u8>) -> bool {
    let days = milliseconds.div_euclid(MILLISECONDS_PER_DAY);
    // Less than 2³².
    let of_day = u32::try_from(milliseconds.rem_euclid(MILLISECONDS_PER_DAY)).unwrap_or(0);
    let Some((year, month, day)) = civil(days) else {
        return false;
    };
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let (seconds, thousandths) = (of_day / 1000, of_day % 1000);
    text[0..2].copy_from_slice(&pair(year / 100));
    text[2..4].copy_from_slice(&pair(year % 100));
    text[5..7].copy_from_slice(&pair(month));
    text[8..10].copy_from_slice(&pair(day));
    text[11..13].copy_from_slice(&pair(seconds / 3600));
    text[14..16].copy_from_slice(&pair(seconds / 60 % 60));
    text[17..19].copy_from_slice(&pair(seconds % 60));
    text[20..22].copy_from_slice(&pair(thousandths / 10));
    text[22] = pair(thousandths % 10)[1];
    out.extend_from_slice(&text);
    true
}

/// Two digits; of the number's last two where it has more.
#[inline]
fn pair(number: u32) -> [u8; 2] {
    /// `00`, `01` and so on.
    const PAIRS: [[u8; 2]; 100] = {
        let mut pairs = [[0; 2]; 100];
        let mut number = 0_u8;
        while number < 100 {
            pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
            number += 1;
        }
        pairs
    };
    PAIRS[(number % 100) as usize]
}

/// Year, month and day by the days since 1970-01-01, after Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> Option<(u32, u32, u32)> {
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
    if !(0..=9999).contains(&year) {
        return None;
    }
    let [year, month, day] = [year, month, day].map(|part| u32::try_from(part).unwrap_or(0));
    Some((year, month, day))
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
