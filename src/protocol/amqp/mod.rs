//! AMQP 1.0 as IoT Hub and Event Hubs speak it.

pub mod filter;
