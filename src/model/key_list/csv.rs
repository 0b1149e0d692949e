//! Fields between commas (RFC 4180). Ids hold no quotes, so a quoted field is what stands between its quotes.

use std::borrow::Cow;

use super::{Entry, LineError};

/// Which column holds what, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    device: usize,
    module: Option<usize>,
    key: usize,
    /// Further columns may stand beside these, for a header told what is what.
    is_named: bool,
}

impl Columns {
    /// Without a header: the device, the key and nothing else.
    pub(super) const PLAIN: Self = Self {
        device: 0,
        module: None,
        key: 1,
        is_named: false,
    };

    /// The columns that a header names, in any case, with or without `_`, `-` and blanks.
    pub(super) fn of_header(line: &str) -> Option<Self> {
        let names: Vec<String> = Fields(Some(line))
            .map_while(Result::ok)
            .map(|name| {
                let letters = name.chars().filter(char::is_ascii_alphanumeric);
                letters.collect::<String>().to_ascii_lowercase()
            })
            .collect();
        let find = |known: &[&str]| {
            known
                .iter()
                .find_map(|known| names.iter().position(|name| name == known))
        };
        Some(Self {
            device: find(&["deviceid", "device", "devicename", "id"])?,
            module: find(&["moduleid", "module"]),
            key: find(&[
                "key",
                "primarykey",
                "symmetrickey",
                "sharedaccesskey",
                "devicekey",
                "secondarykey",
            ])?,
            is_named: true,
        })
    }

    pub(super) fn read(self, line: &str) -> Result<Entry<'_>, LineError> {
        if self == Self::PLAIN && !line.starts_with('"') {
            // The plain case, as fast as it can be read: a key that holds a comma or a quote is none.
            if let Some((device, key)) = line.split_once(',')
                && !key.contains([',', '"'])
            {
                return Ok(entry(device, None, key));
            }
        }
        let (mut device, mut module, mut key) = (None, None, None);
        let mut found = 0;
        for (index, field) in Fields(Some(line)).enumerate() {
            let field = Some(field?);
            found = index + 1;
            match index {
                _ if index == self.device => device = field,
                _ if index == self.key => key = field,
                _ if Some(index) == self.module => module = field,
                _ => {}
            }
        }
        match (device, key) {
            (Some(device), Some(key)) if self.is_named || found == 2 => {
                Ok(entry(device, module.filter(|id| !id.is_empty()), key))
            }
            _ => Err(LineError::Fields {
                found,
                expected: if self.is_named {
                    "as many as the header has"
                } else {
                    "two (deviceId,key)"
                },
            }),
        }
    }
}

fn entry<'a>(device: &'a str, module: Option<&'a str>, key: &'a str) -> Entry<'a> {
    Entry {
        host: None,
        device: Cow::Borrowed(device.trim_ascii()),
        module: module.map(Cow::Borrowed),
        key: Cow::Borrowed(key.trim_ascii()),
    }
}

/// The fields of what is left of a line.
struct Fields<'a>(Option<&'a str>);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<&'a str, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.take()?.trim_ascii_start();
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, rest) = match rest.split_once(',') {
                Some((field, rest)) => (field, Some(rest)),
                None => (rest, None),
            };
            self.0 = rest;
            return Some(Ok(field.trim_ascii_end()));
        };
        let Some((field, behind)) = quoted.split_once('"') else {
            return Some(Err(LineError::Quote));
        };
        let behind = behind.trim_ascii_start();
        match behind.strip_prefix(',') {
            Some(rest) => self.0 = Some(rest),
            None if behind.is_empty() => {}
            None => return Some(Err(LineError::Quote)),
        }
        Some(Ok(field))
    }
}
