//! hubctl judged from outside: the real binary, real sockets, real TLS.

mod architecture;
mod completions;
