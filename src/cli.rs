//! The whole parser, dispatch, completions and man pages.
