//! A connection string is taken apart or refused; what is taken is written as it would be read.
#![no_main]

use hubctl::model::connection_string::ConnectionString;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(parsed) = ConnectionString::parse(text) {
        let written = parsed.connection_string.write();
        let again = ConnectionString::parse(&written).expect("what was written is read");
        assert_eq!(again.connection_string, parsed.connection_string);
    }
});
