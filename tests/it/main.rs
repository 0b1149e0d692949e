//! hubctl judged from outside: the real binary, real sockets, real TLS.

fn main() {}
