use proptest::prelude::*;

use super::*;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Device, module and key.
type Read = Result<(String, Option<String>, String), LineError>;

fn read(first: &str, line: &str) -> Read {
    let entry = Form::detect(first).read(line)?.unwrap();
    Ok((
        entry.device.into_owned(),
        entry.module.map(Cow::into_owned),
        entry.key.into_owned(),
    ))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside what was read")]
fn plain(device: &str) -> Read {
    Ok((device.to_owned(), None, KEY.to_owned()))
}

#[test]
fn fields_stand_between_commas_and_may_stand_in_quotes() {
    for (line, device) in [
        (format!("device1,{KEY}\r\n"), "device1"),
        (format!(" device1 , {KEY} "), "device1"),
        (format!("\"a,b\",{KEY}"), "a,b"),
        (format!("\"a,b\" , \"{KEY}\"\r"), "a,b"),
    ] {
        assert_eq!(read(&line, &line), plain(device), "{line}");
    }
}

#[test]
fn a_header_names_the_columns() {
    let header = "Device Id, status, module_id, primaryKey, secondaryKey";
    assert!(Form::detect(header).has_header());
    assert!(!Form::detect("device1,aGVsbG8=").has_header());
    let with_module = read(header, &format!("d,enabled,m,{KEY},other"));
    assert_eq!(
        with_module,
        Ok(("d".to_owned(), Some("m".to_owned()), KEY.to_owned()))
    );
    assert_eq!(read(header, &format!("d,enabled,,{KEY},")), plain("d"));
}

#[test]
fn json_comes_in_many_shapes() {
    let shapes = [
        format!(r#"{{"deviceId":"d","key":"{KEY}","status":"enabled"}}"#),
        format!(r#"{{"deviceId":"d","moduleId":null,"primaryKey":"{KEY}"}}"#),
        format!(r#"{{"deviceId":"d","symmetricKey":{{"primaryKey":"{KEY}"}}}}"#),
        format!(
            r#"{{"deviceId":"d","authentication":{{"type":"sas","symmetricKey":{{"primaryKey":"{KEY}"}}}}}}"#
        ),
        format!(r#"{{"connectionString":"HostName=h;DeviceId=d;SharedAccessKey={KEY}"}}"#),
    ];
    for line in &shapes {
        assert_eq!(read(line, line), plain("d"), "{line}");
    }
}

#[test]
fn a_connection_string_brings_its_hub() {
    let line = format!("HostName=h:8443;DeviceId=d;ModuleId=m;SharedAccessKey={KEY}");
    let entry = Form::detect(&line).read(&line).unwrap().unwrap();
    assert_eq!(
        entry.host.map(|host| host.authority()).as_deref(),
        Some("h:8443")
    );
    assert_eq!(entry.module.as_deref(), Some("m"));
}

#[test]
fn what_is_wrong_is_told_without_the_key() {
    let first = format!("device1,{KEY}");
    for line in [
        format!("a,b,{KEY}"),
        KEY.to_owned(),
        format!("\"a,{KEY}"),
        format!("a b,{KEY}"),
        format!("\"a\"\"b\",{KEY}"),
        format!(",{KEY}"),
        "a,".to_owned(),
    ] {
        let message = read(&first, &line).unwrap_err().to_string();
        assert!(!message.contains("MDEy"), "{message}");
    }
    let json = format!(r#"{{"deviceId":"{KEY}"#);
    for line in [
        json.as_str(),
        "{}",
        r#"{"deviceId":7}"#,
        "[]",
        "{\"deviceId\":\"d\"}",
    ] {
        let message = read("{", line).unwrap_err().to_string();
        assert!(!message.contains("MDEy"), "{message}");
    }
    let hub = format!("HostName=h;SharedAccessKeyName=o;SharedAccessKey={KEY}");
    let error = Form::ConnectionStrings.read(&hub).unwrap_err();
    assert!(matches!(error, LineError::OtherKind { .. }));
    assert_eq!(Form::Json.read(" \r\n"), Ok(None));
}

proptest! {
    #[test]
    fn every_id_comes_through(device in "[A-Za-z0-9:.+%_#*?!(),=@;$'-]{1,128}", quoted in any::<bool>()) {
        let line = if quoted || device.contains(',') {
            format!("\"{device}\",{KEY}")
        } else {
            format!("{device},{KEY}")
        };
        prop_assert_eq!(read("a,b", &line), plain(&device));
        let line = format!(r#"{{"deviceId":"{device}","key":"{KEY}"}}"#);
        prop_assert_eq!(read(&line, &line), plain(&device));
    }

    #[test]
    fn no_text_panics(first in "(\\{\"deviceId\":|HostName=|deviceId,key|\")?\\PC*", line in "(\\{\"|\"|HostName=a;DeviceId=b;)?\\PC*") {
        let form = Form::detect(&first);
        let _ = form.read(&first);
        let _ = form.read(&line);
    }
}
