//! Words, numbers, texts and signs.

use super::error::QueryError;

/// What a query is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword or a part of a name.
    Word(String),
    /// A number, decimal or hexadecimal.
    Number(f64),
    /// A text in quotes.
    Text(String),
    /// An operator, a comma, a bracket.
    Sign(&'static str),
}

/// The longer ones first.
const SIGNS: [&str; 19] = [
    "<>", "!=", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".",
    ";",
];

/// Takes a query apart. Each token comes with the place, in bytes, where it begins.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, QueryError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let is_in_path = matches!(tokens.last(), Some((_, Token::Sign("."))));
        let (token, length) =
            if let Some(bracketed) = rest.strip_prefix("[[").filter(|_| is_in_path) {
                // A name with whatever characters: `configurations.[[my-own]].status`.
                let end = bracketed.find("]]").ok_or(QueryError::Text { at })?;
                (Token::Word(bracketed[..end].to_owned()), end + 4)
            } else if first == '\'' || first == '"' {
                quoted(rest, first).ok_or(QueryError::Text { at })?
            } else if first.is_ascii_digit() {
                number(rest).ok_or(QueryError::Number { at })?
            } else if is_in_word(first) {
                let end = rest.find(|c| !is_in_word(c)).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_owned()), end)
            } else {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let sign = sign.ok_or(QueryError::Character { found: first, at })?;
                (Token::Sign(sign), sign.len())
            };
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn number(rest: &str) -> Option<(Token, usize)> {
    if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        let end = hex.find(|c| !is_in_word(c)).unwrap_or(hex.len());
        let value = u32::from_str_radix(&hex[..end], 16).map(f64::from);
        return Some((Token::Number(value.ok()?), 2 + end));
    }
    let digits = |from: usize| {
        let is_digit = |byte: &u8| byte.is_ascii_digit();
        from + rest.as_bytes()[from..]
            .iter()
            .take_while(|b| is_digit(b))
            .count()
    };
    let mut end = digits(0);
    if rest[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        end = digits(end + 1 + sign);
    }
    let is_cut_off = rest[end..].starts_with(is_in_word);
    let value = rest[..end].parse::<f64>().ok()?;
    (value.is_finite() && !is_cut_off).then_some((Token::Number(value), end))
}

fn quoted(rest: &str, quote: char) -> Option<(Token, usize)> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            c if c == quote => return Some((Token::Text(text), at + 1)),
            '\\' => match characters.next()?.1 {
                c @ ('\'' | '"' | '\\') => text.push(c),
                'u' => {
                    let first = code_unit(&mut characters)?;
                    text.push(character_of(first, &mut characters)?);
                }
                _ => return None,
            },
            c => text.push(c),
        }
    }
    None
}

fn code_unit(characters: &mut impl Iterator<Item = (usize, char)>) -> Option<u16> {
    (0..4).try_fold(0_u16, |unit, _| {
        let digit = characters.next()?.1.to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

/// Beyond the first plane, two code units make a character.
fn character_of(first: u16, rest: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first.into());
    }
    let is_next = rest.next()?.1 == '\\' && rest.next()?.1 == 'u';
    let second = code_unit(rest).filter(|_| is_next)?;
    char::decode_utf16([first, second]).next()?.ok()
}
