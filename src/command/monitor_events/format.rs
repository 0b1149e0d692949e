//! How events are shown, as the user writes it.

use clap::ValueEnum;
use clap_complete::CompletionCandidate;

use crate::render;
use crate::render::template::Template;

/// What `-f` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// A format by its name.
    Named(Name),
    /// A pattern that holds braces.
    Template(Template),
}

/// The formats that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Name {
    /// Blocks for people
    Text,
    /// JSON objects over several lines
    Json,
    /// One JSON object a line
    Ndjson,
    /// A header line, then a record a line
    Csv,
    /// Bodies alone, a line feed after each
    Raw,
}

impl Format {
    /// Reads a format.
    ///
    /// # Errors
    /// A fragment that says what is wrong, for clap.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(name) = Name::from_str(text, false) {
            return Ok(Self::Named(name));
        }
        if text.contains('{') {
            return match Template::parse(text) {
                Ok(template) => Ok(Self::Template(template)),
                Err(error) => Err(error.to_string()),
            };
        }
        Err(
            "it can be text, json, ndjson, csv, raw, or a template such as '{deviceId} {body}\\n'"
                .to_owned(),
        )
    }

    /// What Tab offers.
    pub(super) fn candidates() -> Vec<CompletionCandidate> {
        let values = Name::value_variants().iter();
        values
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| CompletionCandidate::new(value.get_name()).help(value.get_help().cloned()))
            .collect()
    }

    /// Whether it is JSON.
    pub(super) fn is_json(&self) -> bool {
        matches!(self, Self::Named(Name::Json | Name::Ndjson))
    }

    /// The renderer's own.
    pub(super) fn to_render(&self, is_verbose: bool) -> render::Format {
        match self {
            Self::Named(Name::Text) => render::Format::Text { is_verbose },
            Self::Named(Name::Json) => render::Format::Json,
            Self::Named(Name::Ndjson) => render::Format::Ndjson,
            Self::Named(Name::Csv) => render::Format::Csv,
            Self::Named(Name::Raw) => render::Format::Raw {
                with_properties: false,
            },
            Self::Template(template) => render::Format::Template(template.clone()),
        }
    }
}
