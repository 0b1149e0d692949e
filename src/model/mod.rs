//! The field's own words.
