use super::*;
use proptest::prelude::*;

const ID: &str = "[A-Za-z0-9:.%_*?!(),=@;$'-]{1,20}";
/// Anything but what ends it.
const REQUEST: &str = "[A-Za-z0-9%:{}/ ._-]{0,20}";
const BAG: &str = "[A-Za-z0-9%&=._-]{0,20}";

fn identity(device: &str, module: Option<&str>) -> IdentityId {
    IdentityId {
        device: device.to_owned(),
        module: module.map(str::to_owned),
    }
}

proptest! {
    #[test]
    fn what_a_device_writes_is_read(
        device in ID,
        module in prop::option::of(ID),
        bag in BAG,
        request in REQUEST,
        status in "[^/#+]{0,12}",
    ) {
        let request = || Cow::from(request.as_str());
        let topics = [
            DeviceTopic::Events { device: device.into(), module: module.map(Into::into), bag: bag.into() },
            DeviceTopic::TwinGet { request: request() },
            DeviceTopic::Reported { request: request() },
            DeviceTopic::MethodResponse { status: &status, request: request() },
        ];
        for topic in topics {
            let text = topic.to_string();
            prop_assert_eq!(DeviceTopic::parse(&text), Some(topic));
        }
    }

    #[test]
    fn what_a_hub_writes_is_read(
        device in ID,
        properties in prop::collection::vec(("\\PC{1,12}", prop::option::of("\\PC{0,12}")), 0..4),
        method in "\\PC{1,20}",
        request in REQUEST,
        status in any::<u16>(),
        version in any::<u64>(),
    ) {
        let request = || Cow::from(request.as_str());
        let properties = properties.into_iter().map(|(name, value)| (name.into(), value.map(Into::into)));
        let topics = [
            HubTopic::Message { device: device.into(), properties: properties.collect() },
            HubTopic::TwinResult { status, request: request(), version: None },
            HubTopic::TwinResult { status, request: request(), version: Some(version) },
            HubTopic::Desired { version },
            HubTopic::MethodRequest { method: method.into(), request: request() },
        ];
        for topic in topics {
            let text = topic.to_string();
            prop_assert_eq!(HubTopic::parse(&text), Some(topic));
        }
    }

    #[test]
    fn filters_go_there_and_back(device in ID, module in prop::option::of(ID)) {
        let identity = identity(&device, module.as_deref());
        for filter in Filter::ALL {
            if let Some(text) = filter.write(&identity) {
                prop_assert_eq!(Filter::parse(&text, &identity), Some(filter));
            }
        }
    }

    #[test]
    fn no_topic_panics(topic in "(devices/|\\$iothub/(twin|methods)/)?(GET|res|PATCH|POST|[a-z/?&=$%0-9])*") {
        let _ = DeviceTopic::parse(&topic);
        let _ = HubTopic::parse(&topic);
        let _ = Filter::parse(&topic, &identity("d", None));
    }
}

#[test]
fn events_are_published_with_and_without_a_bag() {
    let events = |bag: &'static str| {
        Some(DeviceTopic::Events {
            device: "d1".into(),
            module: None,
            bag: bag.into(),
        })
    };
    let parse = DeviceTopic::parse;
    assert_eq!(parse("devices/d1/messages/events"), events(""));
    assert_eq!(parse("devices/d1/messages/events/"), events(""));
    assert_eq!(parse("devices/d1/messages/events/a=b&c"), events("a=b&c"));
    assert_eq!(parse("devices/d1/messages/events/a=b/"), events("a=b"));
    let of_module = Some(DeviceTopic::Events {
        device: "d1".into(),
        module: Some("m1".into()),
        bag: "%24.on=out".into(),
    });
    assert_eq!(
        parse("devices/d1/modules/m1/messages/events/%24.on=out"),
        of_module
    );
    for topic in [
        "",
        "devices/d1",
        "devices//messages/events/",
        "devices/d1/messages/eventsa=b",
        "devices/d1/messages/events/a=b/c=d",
        "devices/d1/messages/events///",
        "devices/d1/messages/devicebound/",
        "devices/d1/modules//messages/events/",
        "/devices/d1/messages/events/",
        "Devices/d1/messages/events/",
        "telemetry",
    ] {
        assert_eq!(parse(topic), None, "{topic}");
    }
}

#[test]
fn the_sdks_spellings_are_read_and_written() {
    let get = DeviceTopic::TwinGet {
        request: "1".into(),
    };
    assert_eq!(get.to_string(), "$iothub/twin/GET/?$rid=1");
    let result = HubTopic::TwinResult {
        status: 204,
        request: "a%20b".into(),
        version: Some(8),
    };
    assert_eq!(
        result.to_string(),
        "$iothub/twin/res/204/?$rid=a%20b&$version=8"
    );
    let method = HubTopic::MethodRequest {
        method: "re boot".into(),
        request: "1".into(),
    };
    assert_eq!(method.to_string(), "$iothub/methods/POST/re%20boot/?$rid=1");
    let message = HubTopic::Message {
        device: "d1".into(),
        properties: vec![
            (
                "$.to".into(),
                Some("/devices/d1/messages/devicebound".into()),
            ),
            ("alert".into(), None),
        ],
    };
    assert_eq!(
        message.to_string(),
        "devices/d1/messages/devicebound/%24.to=%2Fdevices%2Fd1%2Fmessages%2Fdevicebound&alert"
    );
    for topic in [
        "$iothub/twin/GET/",
        "$iothub/twin/GET/$rid=1",
        "$iothub/methods/res/200",
    ] {
        assert_eq!(DeviceTopic::parse(topic), None, "{topic}");
    }
}

#[test]
fn only_own_filters_can_be_subscribed_to() {
    let device = identity("d1", None);
    let module = identity("d1", Some("m1"));
    let messages = "devices/d1/messages/devicebound/#";
    assert_eq!(Filter::parse(messages, &device), Some(Filter::Messages));
    assert_eq!(Filter::parse(messages, &module), None);
    let inputs = "devices/d1/modules/m1/inputs/#";
    assert_eq!(Filter::parse(inputs, &module), Some(Filter::Inputs));
    assert_eq!(Filter::parse(inputs, &device), None);
    for text in [
        "#",
        "$iothub/#",
        "devices/+/messages/devicebound/#",
        "devices/d2/messages/devicebound/#",
        "devices/d1/messages/events/#",
        "",
    ] {
        assert_eq!(Filter::parse(text, &device), None, "{text}");
    }
}
