//! Token and trust anchors to source text.
