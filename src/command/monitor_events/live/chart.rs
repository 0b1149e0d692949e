//! The chart of `--plot`, drawn from the values that came and the room that there is.

use chrono::DateTime;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget as _};

use super::figures;
use super::plot::{Plot, Series};
use super::table::draw_line;

/// A chart taller than this is none the better for it.
const TALLEST: u16 = 24;

/// Lines with fewer rows than this show nothing.
const LOWEST: u16 = 5;

const COLOURS: [Color; 6] = [
    Color::Cyan,
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Red,
    Color::Blue,
];

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// Draws the chart with its legend in at most so many rows.
pub(super) fn draw(plot: &Plot, columns: u16, rows: u16) -> Buffer {
    let rows = rows.min(TALLEST);
    let series = plot.series();
    if series.is_empty() {
        return draw_waiting(plot, columns, rows);
    }
    let legend = Legend::new(plot, columns, rows);
    let height = if rows.saturating_sub(legend.rows) < LOWEST {
        legend.rows
    } else {
        rows
    };
    let mut drawing = Buffer::empty(Rect::new(0, 0, columns, height));
    legend.draw(&mut drawing);
    if height > legend.rows {
        let area = Rect::new(0, legend.rows, columns, height - legend.rows);
        draw_lines(series, area, &mut drawing);
    }
    drawing
}

fn draw_waiting(plot: &Plot, columns: u16, rows: u16) -> Buffer {
    let (fields, events) = plot.awaited();
    let noun = if events == 1 { "event" } else { "events" };
    let text = format!("waiting for {}; {events} {noun} so far", fields.join(", "));
    draw_line(&text, columns, rows)
}

fn style_of(index: usize) -> Style {
    Style::new().fg(COLOURS[index % COLOURS.len()])
}

/// Each line's name and last value, side by side as they fit.
struct Legend {
    /// Where each stands.
    entries: Vec<(u16, u16, String, Style)>,
    rows: u16,
}

impl Legend {
    fn new(plot: &Plot, columns: u16, most_rows: u16) -> Self {
        let mut legend = Self {
            entries: Vec::new(),
            rows: 0,
        };
        let mut entries: Vec<(String, Style)> =
            plot.series().iter().enumerate().map(entry).collect();
        match plot.left_out() {
            0 => {}
            1 => entries.push(("and 1 value of further lines".to_owned(), Style::new())),
            more => entries.push((format!("and {more} values of further lines"), Style::new())),
        }
        let (mut x, mut y): (u16, u16) = (0, 0);
        for (text, style) in entries {
            let width = u16::try_from(console::measure_text_width(&text)).unwrap_or(columns);
            if x > 0 && x.saturating_add(width) > columns {
                (x, y) = (0, y + 1);
            }
            // A third of the room at the most.
            if y > 0 && y >= most_rows / 3 {
                break;
            }
            legend.entries.push((x, y, text, style));
            x = x.saturating_add(width).saturating_add(3);
        }
        legend.rows = legend
            .entries
            .last()
            .map_or(0, |(_, y, _, _)| y + 1)
            .min(most_rows);
        legend
    }

    fn draw(&self, drawing: &mut Buffer) {
        let columns = drawing.area.width;
        for (x, y, text, style) in &self.entries {
            if *y < self.rows {
                let room = columns.saturating_sub(*x);
                drawing.set_stringn(*x, *y, text, room.into(), *style);
            }
        }
    }
}

fn entry((index, series): (usize, &Series)) -> (String, Style) {
    let last = series.points.back().map_or(0.0, |(_, value)| *value);
    let (device, field) = (&series.device, &series.field);
    let text = format!("● {device} {field} {}", figures::value(last));
    (text, style_of(index).add_modifier(Modifier::BOLD))
}

fn draw_lines(series: &[Series], area: Rect, drawing: &mut Buffer) {
    let points = || series.iter().flat_map(|series| series.points.iter());
    let first = points().map(|(time, _)| *time).min().unwrap_or(0);
    let last = points().map(|(time, _)| *time).max().unwrap_or(0);
    let [low, high] = bounds(points().map(|(_, value)| *value));
    // From 0 to 1, whatever is plotted: a chart that is given the ends of the range that doubles have never comes back.
    let across = |time: i64| {
        double(time.saturating_sub(first)) / double(last.saturating_sub(first)).max(1.0)
    };
    let up = |value: f64| (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    let lines: Vec<Vec<(f64, f64)>> = series
        .iter()
        .map(|series| {
            let points = series.points.iter();
            points
                .map(|(time, value)| (across(*time), up(*value)))
                .collect()
        })
        .collect();
    let datasets = lines.iter().enumerate().map(|(index, line)| {
        let graph = if line.len() > 1 {
            GraphType::Line
        } else {
            GraphType::Scatter
        };
        Dataset::default()
            .data(line)
            .marker(Marker::Braille)
            .graph_type(graph)
            .style(style_of(index))
    });
    let middle = first.midpoint(last);
    let times = [first, middle, last].map(|time| time_label(time, last.saturating_sub(first)));
    let values = [low, f64::midpoint(low, high), high].map(figures::value);
    let dim = Style::new().add_modifier(Modifier::DIM);
    let x_axis = Axis::default().bounds([0.0, 1.0]).labels(times).style(dim);
    let y_axis = Axis::default().bounds([0.0, 1.0]).labels(values).style(dim);
    Chart::new(datasets.collect())
        .x_axis(x_axis)
        .y_axis(y_axis)
        .legend_position(None)
        .render(area, drawing);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a chart has no more than a few hundred columns"
)]
fn double(milliseconds: i64) -> f64 {
    milliseconds as f64
}

/// From the least value to the greatest, with a little room around them.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    // Halved, so that the widest range there is stays a number.
    let room = (high / 2.0 - low / 2.0) * 0.1;
    let room = if room > 0.0 {
        room
    } else {
        (low.abs() * 0.05).max(0.5)
    };
    [(low - room).max(f64::MIN), (high + room).min(f64::MAX)]
}

/// A time of the day in UTC; with the day where there are several.
fn time_label(milliseconds: i64, span: i64) -> String {
    let Some(time) = DateTime::from_timestamp_millis(milliseconds) else {
        return milliseconds.to_string();
    };
    if span > DAY {
        time.format("%m-%d %H:%MZ").to_string()
    } else {
        time.format("%H:%M:%SZ").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::plot::Field;
    use super::super::plot::tests::take;
    use super::*;
    use crate::render::body::Content;
    use crate::render::cells::lines;
    use proptest::prelude::*;

    fn plot(fields: &[&str]) -> Plot {
        let fields: Vec<Field> = fields
            .iter()
            .map(|text| Field::parse(text).unwrap())
            .collect();
        Plot::new(&fields)
    }

    fn drawn(plot: &Plot, columns: u16, rows: u16) -> String {
        let lines = lines(&draw(plot, columns, rows), false);
        lines
            .into_iter()
            .fold(String::new(), |text, line| text + &line.text + "\n")
    }

    fn wave() -> Plot {
        let mut plot = plot(&["t", "h"]);
        for time in 0..60 {
            let body = format!("{{\"t\":{},\"h\":{}}}", 20 + time % 20, 60 - time / 2);
            take(
                &mut plot,
                "board",
                1_525_338_803_000 + time * 1000,
                Content::Bytes(body.as_bytes()),
                None,
            );
        }
        plot
    }

    #[test]
    fn lines_are_drawn_over_time() {
        insta::assert_snapshot!(drawn(&wave(), 60, 14), @r"
        ● board t 39   ● board h 31
        62      │⠤⢄⣀⡀
                │   ⠈⠉⠒⠒⠤⢄⣀⡀
                │          ⠈⠉⠒⠢⠤⢄⣀
                │                 ⠉⠉⠒⠢⠤⢄⣀
                │                        ⠉⠑⠒⠢⠤⣀⣀
        40      │               ⢀⣠              ⠉⠑⠒⠤⠤⠤⢄⣀⡀         ⢀⡠
                │            ⣀⠔⠊⠁⢸            ⣀⠤⠊⠁⢸     ⠈⠉⠒⠒⠤⢄⣀⣀⠤⠒⠁
                │        ⢀⡠⠔⠉    ⢸        ⢀⡠⠔⠉    ⢸         ⡠⠔⠊⠉⠉⠒⠢⠤
                │     ⣀⠤⠊⠁        ⡇    ⢀⠤⠒⠁        ⡇    ⢀⠤⠒⠉
                │ ⢀⡠⠔⠊            ⡇ ⡠⠔⠊⠁           ⡇ ⣀⠔⠊⠁
        18      │⠒⠁               ⠓⠉               ⠓⠉
                └───────────────────────────────────────────────────
        09:13:23Z                     09:13:52Z            09:14:22Z
        ");
    }

    #[test]
    fn without_room_the_last_values_are_left() {
        insta::assert_snapshot!(drawn(&wave(), 40, 4), @"● board t 39   ● board h 31");
    }

    #[test]
    fn waiting_is_told() {
        let plot = plot(&["t"]);
        assert_eq!(drawn(&plot, 40, 10), "waiting for t; 0 events so far\n");
    }

    #[test]
    fn days_are_named_where_there_are_several() {
        assert_eq!(time_label(1_525_338_803_000, 1000), "09:13:23Z");
        assert_eq!(time_label(1_525_338_803_000, 2 * DAY), "05-03 09:13Z");
    }

    proptest! {
        #[test]
        fn any_values_and_any_size_will_do(
            values in prop::collection::vec((any::<i64>(), any::<f64>()), 0..20),
            columns in 0u16..120,
            rows in 0u16..40,
        ) {
            let mut plot = plot(&["t"]);
            for (time, value) in values {
                let body = format!("{{\"t\":{value:?}}}");
                take(&mut plot, "d", time, Content::Bytes(body.as_bytes()), None);
            }
            let drawing = draw(&plot, columns, rows);
            prop_assert!(drawing.area.height <= rows && drawing.area.width == columns);
        }
    }
}
