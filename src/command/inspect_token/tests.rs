//! Whatever is given, it is explained or refused, and never shown.

use proptest::prelude::*;

use super::find::Origin;
use super::verify::Candidate;
use super::*;
use crate::model::secret::Secret;
use crate::protocol::sas::{self, SigningKey};

fn explained(text: &str) -> Option<(Fields, Examined, Vec<Finding>)> {
    let found = find::find(text, Origin::Argument)?;
    let mut findings = found.findings;
    let fields = Fields::read(found.fields.expose(), &mut findings)?;
    let examined = examine::examine(&fields, &mut findings);
    let now = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    expiry::read(fields.expiry(), now, &mut findings);
    Some((fields, examined, findings))
}

proptest! {
    #[test]
    fn no_text_panics(text in "(SharedAccessSignature )?[srkigen=&%0-9A-Fa-f+/.: \"\\\\\\n\\PC]*") {
        let _ = explained(&text);
    }

    #[test]
    fn no_field_panics(sr in "\\PC*", sig in "\\PC*", se in "\\PC*", skn in "\\PC*") {
        let text = format!("SharedAccessSignature sr={sr}&sig={sig}&se={se}&skn={skn}");
        if let Some((fields, examined, mut findings)) = explained(&text) {
            let candidate = Candidate {
                name: "the key given".to_owned(),
                of: verify::KeyOf::Unknown,
                key: Secret::new("MDEy"),
            };
            verify::verify(&fields, &examined, &Expected::default(), &[candidate], &mut findings);
        }
    }

    #[test]
    fn what_is_minted_has_nothing_wrong(
        device in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}",
        bytes in any::<[u8; 32]>(),
    ) {
        use base64::Engine as _;
        let key = Secret::new(base64::engine::general_purpose::STANDARD.encode(bytes));
        let resource = sas::resource("contoso.azure-devices.net", Some(&device), None);
        let token = sas::mint(&SigningKey::decoded(&key).unwrap(), &resource, 4_102_444_800, None);
        for text in [token.expose().to_owned(), format!("#define SAS_TOKEN \"{}\"\n", token.expose())] {
            let (fields, examined, mut findings) = explained(&text).unwrap();
            prop_assert!(findings.iter().all(|finding| finding.severity == finding::Severity::Note));
            let opened = examined.opens.device().unwrap();
            prop_assert_eq!(opened, device.as_str());
            let candidate = Candidate { name: "k".to_owned(), of: verify::KeyOf::Device, key: key.clone() };
            let verdict = verify::verify(&fields, &examined, &Expected::default(), &[candidate], &mut findings);
            prop_assert_eq!(verdict, Verdict::Right("k".to_owned()));
        }
    }
}
