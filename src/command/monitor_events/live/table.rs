//! The table of `--stats`, drawn from what was counted and the room that there is; and the same in one line.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Sparkline, Widget as _};

use super::figures;
use super::stats::{Counted, Device, Stats};
use super::window::{SECONDS, Window};

/// The narrowest and the widest that ids are shown.
const ID: [u16; 2] = [10, 40];

/// Between two columns.
const SPACE: u16 = 2;

/// A rate is that of at least so long; of less it would say nothing.
const LEAST_SPAN: Duration = Duration::from_secs(1);

/// Lines beside those of devices: titles, totals, gaps.
const FRAME: usize = 3;

/// A column beside the device's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Count,
    Rate,
    LastSeen,
    Lag,
    Silence,
    Bytes,
    Blocks,
    FreeBlocks,
    History,
}

/// From left to right: what is shown, under which title, how wide, and how soon it is left out where there is no room
/// (the highest first).
const COLUMNS: [(Column, &str, u16, u8); 9] = [
    (Column::Count, "COUNT", 7, 0),
    (Column::Rate, "RATE", 8, 1),
    (Column::LastSeen, "LAST SEEN", 9, 2),
    (Column::Lag, "LAG", 8, 3),
    (Column::Silence, "SILENT", 11, 6),
    (Column::Bytes, "BYTES", 8, 4),
    (Column::Blocks, "4 KB MSGS", 9, 5),
    (Column::FreeBlocks, "0.5 KB", 7, 7),
    (Column::History, "LAST 60 S", 20, 8),
];

/// One line of the table.
struct Row<'a> {
    name: &'a str,
    counted: &'a Counted,
    device: Option<&'a Device>,
    style: Style,
}

/// Draws the table in at most so many rows: devices as they fit, the busiest first, then totals.
pub(super) fn draw(stats: &Stats, at: Duration, columns: u16, rows: u16) -> Buffer {
    let devices = stats.devices(at);
    let room = usize::from(rows).saturating_sub(FRAME);
    if room == 0 {
        return draw_line(&summary(stats, at), columns, rows);
    }
    let has_others = stats.others().count > 0;
    let shown = if devices.len() + usize::from(has_others) <= room {
        devices.len()
    } else {
        room - 1
    };
    let (shown, hidden) = devices.split_at(shown);
    let rest = hidden.iter().map(|(_, device)| &device.counted);
    let rest = Counted::sum(rest.chain([stats.others()]), at);
    let rest_name = name_of_rest(hidden.len(), has_others);
    let ids = shown.iter().map(|(id, _)| width_of(id));
    let longest = ids.chain([width_of(&rest_name)]).max().unwrap_or(0);
    let layout = Layout::new(columns, longest);

    let mut lines: Vec<Row<'_>> = shown
        .iter()
        .map(|(id, device)| Row {
            name: if id.is_empty() { "(no device)" } else { id },
            counted: &device.counted,
            device: Some(*device),
            style: Style::new(),
        })
        .collect();
    let line = |name, counted, style| Row {
        name,
        counted,
        device: None,
        style,
    };
    if rest.count > 0 {
        let dim = Style::new().add_modifier(Modifier::DIM);
        lines.push(line(rest_name.as_str(), &rest, dim));
    }
    let bold = Style::new().add_modifier(Modifier::BOLD);
    lines.push(line("total", stats.total(), bold));

    let height = u16::try_from(lines.len() + 2).unwrap_or(rows).min(rows);
    let mut drawing = Buffer::empty(Rect::new(0, 0, columns, height));
    layout.draw_titles(&mut drawing);
    for (y, row) in (1..height - 1).zip(&lines) {
        layout.draw_row(row, at, y, &mut drawing);
    }
    draw_footer(stats, at, height - 1, &mut drawing);
    drawing
}

/// A line and no more.
pub(super) fn draw_line(text: &str, columns: u16, rows: u16) -> Buffer {
    let mut drawing = Buffer::empty(Rect::new(0, 0, columns, rows.min(1)));
    if rows > 0 {
        drawing.set_stringn(0, 0, text, columns.into(), Style::new());
    }
    drawing
}

fn width_of(text: &str) -> u16 {
    u16::try_from(console::measure_text_width(text)).unwrap_or(u16::MAX)
}

fn name_of_rest(hidden: usize, has_others: bool) -> String {
    match (hidden, has_others) {
        (0, _) => "others".to_owned(),
        (hidden, false) => format!("{hidden} more"),
        (hidden, true) => format!("{hidden} more, others"),
    }
}

/// Which columns there is room for, and where they stand.
struct Layout {
    id: u16,
    columns: Vec<(Column, &'static str, u16)>,
}

impl Layout {
    fn new(columns: u16, longest_id: u16) -> Self {
        let id = longest_id.clamp(ID[0], ID[1]);
        let mut by_worth = COLUMNS;
        by_worth.sort_by_key(|(_, _, _, worth)| *worth);
        let mut left = columns.saturating_sub(id.min(2 * ID[0]));
        let mut least = u8::MAX;
        for (_, _, width, worth) in by_worth {
            let needed = width + SPACE;
            if needed > left {
                least = worth;
                break;
            }
            left -= needed;
        }
        let chosen = COLUMNS.iter().filter(|(_, _, _, worth)| *worth < least);
        let chosen: Vec<_> = chosen
            .map(|(column, title, width, _)| (*column, *title, *width))
            .collect();
        let taken: u16 = chosen.iter().map(|(_, _, width)| width + SPACE).sum();
        Self {
            id: id.min(columns.saturating_sub(taken)),
            columns: chosen,
        }
    }

    fn draw_titles(&self, drawing: &mut Buffer) {
        let style = Style::new().add_modifier(Modifier::DIM);
        drawing.set_stringn(0, 0, "DEVICE", self.id.into(), style);
        for (x, (column, title, width)) in self.places() {
            if column == Column::History {
                drawing.set_stringn(x, 0, title, width.into(), style);
            } else {
                put_right(drawing, x, 0, width, title, style);
            }
        }
    }

    fn places(&self) -> impl Iterator<Item = (u16, (Column, &'static str, u16))> {
        let mut x = self.id;
        self.columns.iter().map(move |column| {
            let place = x + SPACE;
            x = place + column.2;
            (place, *column)
        })
    }

    fn draw_row(&self, row: &Row<'_>, at: Duration, y: u16, drawing: &mut Buffer) {
        drawing.set_stringn(0, y, row.name, self.id.into(), row.style);
        for (x, (column, _, width)) in self.places() {
            if column == Column::History {
                draw_history(&row.counted.window, at, Rect::new(x, y, width, 1), drawing);
            } else {
                let text = cell(column, row, at);
                put_right(drawing, x, y, width, &text, row.style);
            }
        }
    }
}

fn put_right(drawing: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) {
    let indent = width.saturating_sub(width_of(text));
    drawing.set_stringn(x + indent, y, text, width.into(), style);
}

fn cell(column: Column, row: &Row<'_>, at: Duration) -> String {
    let counted = row.counted;
    match column {
        Column::Count => figures::count(counted.count),
        Column::Rate => rate(&counted.window, at).unwrap_or_else(|| "-".to_owned()),
        Column::LastSeen | Column::Lag if counted.count == 0 => "-".to_owned(),
        Column::LastSeen => figures::span(at.saturating_sub(counted.last_at)),
        Column::Lag => figures::milliseconds(counted.lag_ms),
        Column::Silence => match row.device.and_then(Device::silence) {
            Some((span, times)) => format!("{} x{times:.0}", figures::span(span)),
            None => "-".to_owned(),
        },
        Column::Bytes => figures::bytes(counted.bytes),
        Column::Blocks => figures::count(counted.blocks),
        Column::FreeBlocks => figures::count(counted.free_blocks),
        Column::History => String::new(),
    }
}

/// A sparkline of the last minute, each of its bars as many seconds as it takes for all of them to fit.
fn draw_history(window: &Window, at: Duration, area: Rect, drawing: &mut Buffer) {
    let seconds_each = SECONDS.div_ceil(usize::from(area.width).max(1)).max(1);
    let seconds: Vec<u64> = window.bars(at, SECONDS).collect();
    let bars: Vec<u64> = seconds
        .rchunks(seconds_each)
        .rev()
        .map(|bar| bar.iter().sum())
        .collect();
    let bars = &bars[bars.len().saturating_sub(area.width.into())..];
    Sparkline::default().data(bars).render(area, drawing);
}

fn draw_footer(stats: &Stats, at: Duration, y: u16, drawing: &mut Buffer) {
    let columns = drawing.area.width;
    let text = gaps(stats);
    let style = Style::new().add_modifier(Modifier::DIM);
    let (end, _) = drawing.set_stringn(0, y, &text, columns.into(), style);
    if at < LEAST_SPAN {
        return;
    }
    let window = &stats.total().window;
    let peak = window.bars(at, SECONDS).max().unwrap_or(0);
    let peak = format!("peak {peak}/s");
    let room = columns.saturating_sub(end + 2 * SPACE + width_of(&peak));
    if room >= 10 {
        let width = room.min(u16::try_from(SECONDS).unwrap_or(room));
        draw_history(window, at, Rect::new(end + SPACE, y, width, 1), drawing);
        let x = end + SPACE + width + SPACE;
        drawing.set_stringn(x, y, &peak, peak.len(), style);
    }
}

/// Events a second, where it ran long enough to tell.
fn rate(window: &Window, at: Duration) -> Option<String> {
    (at >= LEAST_SPAN).then(|| figures::rate(window.rate(at)))
}

/// What the sequence numbers say.
fn gaps(stats: &Stats) -> String {
    let (gaps, partitions) = stats.gaps();
    let noun = if partitions == 1 {
        "partition"
    } else {
        "partitions"
    };
    match gaps {
        0 => format!("no gaps in {partitions} {noun}"),
        1 => format!("1 event missing in {partitions} {noun}"),
        gaps => format!("{gaps} events missing in {partitions} {noun}"),
    }
}

fn rate_and_comma(total: &Counted, at: Duration) -> String {
    rate(&total.window, at).map_or_else(String::new, |rate| format!("{rate}, "))
}

/// All of it in one line.
pub(super) fn summary(stats: &Stats, at: Duration) -> String {
    let total = stats.total();
    let devices = match (stats.known(), stats.others().count) {
        (1, 0) => "1 device".to_owned(),
        (known, 0) => format!("{known} devices"),
        (known, _) => format!("more than {known} devices"),
    };
    let last = if total.count == 0 {
        String::new()
    } else {
        format!(
            "the last {} ago (lag {}), ",
            figures::span(at.saturating_sub(total.last_at)),
            figures::milliseconds(total.lag_ms)
        )
    };
    let noun = if total.count == 1 { "event" } else { "events" };
    format!(
        "{} {noun} of {devices}, {}{last}{}, {}, metered messages: {} of 4 KB or {} of 0.5 KB",
        total.count,
        rate_and_comma(total, at),
        gaps(stats),
        figures::bytes(total.bytes),
        total.blocks,
        total.free_blocks
    )
}

/// How far a recording has come.
pub(super) fn progress(stats: &Stats, at: Duration) -> String {
    let total = stats.total();
    let noun = if total.count == 1 { "event" } else { "events" };
    format!(
        "recorded {} {noun}, {}{}",
        total.count,
        rate_and_comma(total, at),
        gaps(stats)
    )
}

#[cfg(test)]
mod tests {
    use super::super::stats::Sample;
    use super::*;
    use crate::render::cells::lines;
    use proptest::prelude::*;

    fn stats(devices: usize) -> Stats {
        let mut stats = Stats::default();
        for second in 0..20 {
            for number in 0..devices {
                let id = format!("device{number}");
                let sample = Sample {
                    device: &id,
                    bytes: 300 * (number as u64 + 1),
                    is_metered: true,
                    enqueued_ms: second * 1000,
                    lag_ms: 35,
                };
                if i64::try_from(number).unwrap() <= second {
                    stats.count(&sample, Duration::from_secs(second.unsigned_abs()));
                    stats.follow("0", second);
                }
            }
        }
        stats
    }

    fn drawn(stats: &Stats, columns: u16, rows: u16) -> String {
        let drawing = draw(stats, Duration::from_millis(20_500), columns, rows);
        let lines = lines(&drawing, false);
        lines
            .into_iter()
            .fold(String::new(), |text, line| text + &line.text + "\n")
    }

    #[test]
    fn a_wide_terminal_shows_it_all() {
        insta::assert_snapshot!(drawn(&stats(3), 130, 24), @r"
        DEVICE        COUNT      RATE  LAST SEEN       LAG       SILENT     BYTES  4 KB MSGS   0.5 KB  LAST 60 S
        device0          20     0.9/s      1.5 s     35 ms            -   6.00 kB         20       20               ██████▅
        device1          19     0.9/s      1.5 s     35 ms            -   11.4 kB         19       38               ▅█████▅
        device2          18     0.9/s      1.5 s     35 ms            -   16.2 kB         18       36               ▂█████▅
        total            57     2.8/s      1.5 s     35 ms            -   33.6 kB         57       94               ▅█████▅
        no gaps in 1 partition                                         ▂▅██████████████████   peak 3/s
        ");
    }

    #[test]
    fn a_narrow_one_leaves_columns_out() {
        insta::assert_snapshot!(drawn(&stats(3), 50, 24), @r"
        DEVICE        COUNT      RATE  LAST SEEN       LAG
        device0          20     0.9/s      1.5 s     35 ms
        device1          19     0.9/s      1.5 s     35 ms
        device2          18     0.9/s      1.5 s     35 ms
        total            57     2.8/s      1.5 s     35 ms
        no gaps in 1 partition            ▇███▆   peak 3/s
        ");
    }

    #[test]
    fn a_low_one_sums_devices_up() {
        insta::assert_snapshot!(drawn(&stats(9), 50, 6), @r"
        DEVICE        COUNT      RATE  LAST SEEN       LAG
        device0          20     0.9/s      1.5 s     35 ms
        device1          19     0.9/s      1.5 s     35 ms
        7 more          105     6.6/s      1.5 s     35 ms
        total           144     8.5/s      1.5 s     35 ms
        no gaps in 1 partition            ▃▆██▆   peak 9/s
        ");
    }

    #[test]
    fn nothing_yet_is_a_table_as_well() {
        insta::assert_snapshot!(drawn(&stats(0), 80, 24), @r"
        DEVICE        COUNT      RATE  LAST SEEN       LAG     BYTES  4 KB MSGS
        total             0       0/s          -         -       0 B          0
        no gaps in 0 partitions                                                 peak 0/s
        ");
    }

    #[test]
    fn one_line_says_it_all() {
        let at = Duration::from_millis(20_500);
        insta::assert_snapshot!(summary(&stats(3), at), @"57 events of 3 devices, 2.8/s, the last 1.5 s ago (lag 35 ms), no gaps in 1 partition, 33.6 kB, metered messages: 57 of 4 KB or 94 of 0.5 KB");
        insta::assert_snapshot!(progress(&stats(3), at), @"recorded 57 events, 2.8/s, no gaps in 1 partition");
    }

    proptest! {
        #[test]
        fn any_size_will_do(columns in 0u16..200, rows in 0u16..40, devices in 0usize..30) {
            let drawing = draw(&stats(devices), Duration::from_secs(20), columns, rows);
            prop_assert!(drawing.area.height <= rows && drawing.area.width == columns);
        }
    }
}
