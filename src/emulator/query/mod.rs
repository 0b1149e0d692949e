//! IoT Hub's query language for twins: `SELECT … FROM devices WHERE … GROUP BY …`.
//!
//! Knows text, JSON and ids, and nothing of hubs. Source: learn.microsoft.com, "IoT Hub query language for device and module
//! twins, jobs, and message routing", and its revision of 2016, which alone has the grammar. What is compared with what
//! gives undefined follows "Azure Cosmos DB for `NoSQL`, equality and comparison operators", on whose language this one is
//! modelled.
//!
//! | file | what it knows |
//! |---|---|
//! | `lexer`, `parser`, `error` | from text to a query, or why it is none |
//! | `syntax` | what a query says |
//! | `expression` | what a condition says of a document |
//! | `aggregate` | count, avg, sum, min, max |
//! | `search` | a query under way, page by page |

mod aggregate;
mod error;
mod expression;
mod lexer;
mod parser;
mod search;
mod syntax;
#[cfg(test)]
mod tests;

pub use error::QueryError;
pub use expression::{Document, Path, descend};
pub use search::{Continuation, ItemType, Page, Search};
pub use syntax::{Query, Source, Target};
