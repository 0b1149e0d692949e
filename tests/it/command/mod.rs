//! A file a command, as in `src/command`.

mod completion;
mod demo;
mod dps;
mod emulator;
mod emulator_admin;
mod emulator_authorities;
mod emulator_certificates;
mod emulator_configurations;
mod emulator_devices_amqp;
mod emulator_faults;
mod emulator_jobs;
mod emulator_links;
mod emulator_messages;
mod emulator_routes;
mod emulator_store;
mod emulator_transfers;
mod emulator_twins;
mod emulator_ui;
mod emulator_ui_told;
mod emulator_uploads;
mod inspect_token;
#[cfg(unix)]
mod live;
mod login;
mod monitor_events;
mod monitor_events_ends;
mod monitor_events_formats;
mod monitor_events_selection;
mod monitor_resume;
mod monitor_silence;
mod parser;
mod recording;
mod recording_file;
mod root_ca;
mod send;
mod settings;
