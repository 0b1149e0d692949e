//! Model to text.
