//! MQTT 3.1.1 as devices and modules speak it with IoT Hub: both directions of each text and packet, no I/O, no clock.
//!
//! | module | what it knows |
//! |---|---|
//! | [`user_name`] | what a client says of itself when it connects |
//! | [`topic`] | what is published to which topic, and what can be subscribed to |
//! | [`property_bag`] | a message's properties at the end of its topic |
//! | [`system_property`] | what the system's own properties are called there |
//! | [`packet`] | the packets around all this |
//!
//! Sources: learn.microsoft.com, "Communicate with an IoT hub using MQTT"; azure-iot-device 2.14.0,
//! `mqtt_topic_iothub.py`; Azure/iotedge, `MqttUsernameParser.cs` and `appsettings_hub.json`.

pub mod packet;
pub mod property_bag;
pub mod system_property;
pub mod topic;
pub mod user_name;
