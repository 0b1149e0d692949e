//! Flags over environment over profile.
