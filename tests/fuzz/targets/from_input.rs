//! A list of devices and keys, as `sas-token --from` reads it: each line gives a token or is refused without its key.
#![no_main]

use hubctl::model::identifier;
use hubctl::model::key_list::Form;
use hubctl::protocol::sas::Minter;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let form = Form::detect(
        text.lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or(""),
    );
    let mut minter = Minter::new("contoso.azure-devices.net", 4_102_444_800);
    let mut output = Vec::new();
    for line in text.split_inclusive('\n') {
        match form.read(line) {
            Ok(Some(entry)) => {
                assert!(identifier::check(&entry.device).is_ok());
                let before = output.len();
                let minted = minter.mint(
                    &entry.key,
                    &entry.device,
                    entry.module.as_deref(),
                    &mut output,
                );
                assert_eq!(minted.is_err(), output.len() == before);
            }
            Ok(None) => {}
            Err(error) => drop(error.to_string()),
        }
    }
});
