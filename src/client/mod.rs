//! The hub as seen from outside.
