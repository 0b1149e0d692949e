//! A drawing as lines of text, for a terminal that is written to from top to bottom.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use ratatui::text::Span;

/// A line of a drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its text, with escape sequences where colour was asked for; blanks at the end are left out.
    pub text: String,
    /// How many columns it takes.
    pub columns: usize,
}

/// The lines of `drawing`, from top to bottom.
#[must_use]
pub fn lines(drawing: &Buffer, in_colour: bool) -> Vec<Line> {
    let width = usize::from(drawing.area.width);
    if width == 0 {
        return Vec::new();
    }
    let rows = drawing.content().chunks(width);
    rows.map(|row| line(row, in_colour)).collect()
}

fn line(row: &[Cell], in_colour: bool) -> Line {
    let last = row.iter().rposition(|cell| cell.symbol() != " ");
    let row = &row[..last.map_or(0, |last| last + 1)];
    let mut text = String::new();
    let (mut columns, mut shown) = (0, String::new());
    while let Some(cell) = row.get(columns) {
        let style = if in_colour {
            sequence(cell)
        } else {
            String::new()
        };
        if style != shown {
            text.push_str(if style.is_empty() { "\x1b[0m" } else { &style });
            shown = style;
        }
        text.push_str(cell.symbol());
        // A wide character takes the place of the next cell as well.
        columns += Span::raw(cell.symbol()).width().max(1);
    }
    if !shown.is_empty() {
        text.push_str("\x1b[0m");
    }
    Line { text, columns }
}

/// What switches a cell's looks on; nothing for plain ones. The sixteen colours that every terminal has are known.
fn sequence(cell: &Cell) -> String {
    let mut codes = String::new();
    for (modifier, code) in [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::REVERSED, 7),
    ] {
        if cell.modifier.contains(modifier) {
            // Writing to a String cannot fail.
            let _ = write!(codes, ";{code}");
        }
    }
    if let Some(code) = colour_code(cell.fg) {
        let _ = write!(codes, ";{code}");
    }
    if codes.is_empty() {
        return codes;
    }
    format!("\x1b[0{codes}m")
}

fn colour_code(colour: Color) -> Option<u8> {
    const COLOURS: [(Color, u8); 16] = [
        (Color::Black, 30),
        (Color::Red, 31),
        (Color::Green, 32),
        (Color::Yellow, 33),
        (Color::Blue, 34),
        (Color::Magenta, 35),
        (Color::Cyan, 36),
        (Color::Gray, 37),
        (Color::DarkGray, 90),
        (Color::LightRed, 91),
        (Color::LightGreen, 92),
        (Color::LightYellow, 93),
        (Color::LightBlue, 94),
        (Color::LightMagenta, 95),
        (Color::LightCyan, 96),
        (Color::White, 97),
    ];
    let found = COLOURS.iter().find(|(known, _)| *known == colour);
    found.map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn drawing() -> Buffer {
        let mut drawing = Buffer::empty(Rect::new(0, 0, 12, 2));
        drawing.set_string(0, 0, "a\u{1b}[2J温度", Style::new());
        drawing.set_string(0, 1, "on", Style::new().fg(Color::Red).bold());
        drawing.set_string(3, 1, "off", Style::new());
        drawing
    }

    #[test]
    fn lines_end_where_their_text_does() {
        let lines = lines(&drawing(), false);
        // The escape character is gone, so a device's id cannot clear the screen.
        assert_eq!((lines[0].text.as_str(), lines[0].columns), ("a[2J温度", 8));
        assert_eq!((lines[1].text.as_str(), lines[1].columns), ("on off", 6));
    }

    #[test]
    fn colours_are_switched_on_and_off() {
        let lines = lines(&drawing(), true);
        assert_eq!(lines[1].text, "\x1b[0;1;31mon\x1b[0m off");
        assert_eq!(lines[1].columns, 6);
    }
}
