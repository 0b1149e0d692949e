//! The hub as seen from inside.
