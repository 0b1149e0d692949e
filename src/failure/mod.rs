//! What went wrong, as the user sees it.
