//! Silence explained: what passed by, when to look for the reason, who is asked, what the cause is, and its words.

mod causes;
mod filters;
mod inquiry;
mod passed;
mod silence;
mod similar;
mod vigil;
mod words;

pub(super) use causes::Wanted;
pub(super) use inquiry::Findings;
pub(super) use passed::Passed;
pub(super) use silence::{Seen, Silence};
