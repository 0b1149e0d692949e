//! `emulator`: an IoT Hub of one's own, until it is stopped.
#![expect(
    clippy::doc_markdown,
    reason = "doc comments of flags are the help's text, where backticks would be noise"
)]

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use serde_json::{Map, Value, json};

use super::Context;
use super::key::read_text;
use super::teller::trace;
use crate::config::Environment;
use crate::emulator::endpoint::{Endpoints, Ports};
use crate::emulator::fault::Trouble;
use crate::emulator::hub::options::{Enrichment, MAX_PARTITIONS, Route};
use crate::emulator::server::{Emulator, Options};
use crate::emulator::storage::{self, USUAL_CONTAINER};
use crate::failure::{Failure, Kind};
use crate::model::secret::Secret;
use crate::model::span::parse_duration;
use crate::model::storage_account::{StorageAccount, StorageAccountError, is_container_name};
use crate::tracer::Tracer;
use crate::trust;

/// The ports that clients assume which cannot be told another.
const STANDARD_HTTPS: u16 = 443;
const STANDARD_AMQPS: u16 = 5671;
const STANDARD_MQTTS: u16 = 8883;

/// No connection string's file is larger, in bytes.
const STORAGE_LIMIT: u64 = 1 << 16;

/// Run an IoT Hub of your own on this machine
///
/// Speaks the same REST, AMQP and MQTT as Azure's, over TLS, with the same tokens and errors. What it holds lives in memory
/// and is gone when it ends, unless --data-dir names a folder for them; its certificate authority and its keys are kept
/// either way, so the connection strings stay the same.
#[derive(Debug, Args)]
pub struct EmulatorArgs {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,

    /// Listen on an address that other machines reach
    ///
    /// The keys are random, but anyone who has one can use the hub.
    #[arg(long)]
    allow_remote: bool,

    /// A further name or address that the hub is reached by, for its certificate and for tokens
    #[arg(long, value_name = "NAME")]
    hostname: Vec<String>,

    /// The port for REST; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    https_port: u16,

    /// The port for AMQP over TLS; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = STANDARD_AMQPS)]
    amqps_port: u16,

    /// The port for MQTT over TLS; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = STANDARD_MQTTS)]
    mqtts_port: u16,

    /// Serve AMQP without TLS as well, for Event Hubs clients with UseDevelopmentEmulator=true; loopback only
    #[arg(long, value_name = "PORT")]
    plain_amqp_port: Option<u16>,

    /// Take ports 443, 5671 and 8883, so that connection strings carry none
    ///
    /// Microsoft's AMQP and MQTT clients cannot be told another port.
    #[arg(long, conflicts_with_all = ["https_port", "amqps_port", "mqtts_port"])]
    standard_ports: bool,

    /// Take orders to misbehave on this port while the hub runs, over plain HTTP and on loopback only; 0 takes any that is free
    ///
    /// GET / lists them: faults as --fault takes them, connections and links that are cut off, tokens that end, a quota that is
    /// used up. Everything but GET needs the header Hubctl-Admin, so that no web page can do it.
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,

    /// How many partitions the events are spread over, from 1 to 32 [default: 4, or as many as are kept]
    #[arg(long, value_name = "COUNT")]
    partitions: Option<usize>,

    /// A device that is there from the start; may be given several times
    #[arg(long, value_name = "ID")]
    device: Vec<String>,

    /// An authority's certificate (PEM): devices registered for a certificate authority come with one that it has signed; may be given several times
    ///
    /// The certificate's common name is the device's id, or device/module; certificates in between are sent along by the
    /// device. Devices registered with the thumbprints of their own certificates need none of this.
    #[arg(long, value_name = "FILE")]
    device_ca: Vec<PathBuf>,

    /// A consumer group beside $Default; may be given several times
    #[arg(long, value_name = "NAME")]
    consumer_group: Vec<String>,

    /// What goes where: twin, lifecycle or connection brings such events as well, telemetry=NAME takes telemetry away; may be given several times
    ///
    /// Nobody reads the custom endpoint here: this is a hub whose devices are answered 204 while monitor-events stays
    /// empty. With --route telemetry as well, the built-in endpoint gets them too. Changes of twins, devices that are made and deleted, and
    /// devices that connect and go are told of as events where a route asks for them.
    #[arg(long, value_name = "ROUTE")]
    route: Vec<Route>,

    /// A property that the hub puts on every message, such as floor=$twin.tags.floor; may be given ten times
    ///
    /// The value is a text, $iothubname, or a path into the twin of the device or module that sends: $twin.tags.PATH,
    /// $twin.properties.desired.PATH, $twin.properties.reported.PATH. Where the twin has no text, number or boolean there, the path
    /// itself is put. A message that becomes larger than 256 KB with it is dropped. All this as the service's message enrichments do.
    #[arg(long, value_name = "KEY=VALUE")]
    enrich: Vec<Enrichment>,

    /// Keep registry, twins, jobs, messages and events in this folder, beside the certificate authority and the keys
    ///
    /// What was acknowledged is there at the next start, however this one ends. Without it only the authority and the keys
    /// are kept: in emulator below HUBCTL_DATA_DIR or the platform's folder for data, such as ~/.local/share/hubctl/emulator.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// How long events are kept, such as 12h or 7d
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = parse_duration)]
    retention: Duration,

    /// How many megabytes of events are kept [default: 256, or with --data-dir 2048]
    #[arg(long, value_name = "MB")]
    retention_size: Option<u32>,

    /// Let devices upload files to this Azure Storage account: its connection string, @FILE to read it from a file, or - for standard input
    ///
    /// UseDevelopmentStorage=true is Azurite on this machine. Devices are given access to one blob each, signed with the
    /// account's key; where storage speaks no TLS, they upload by way of the hub. Storage need not be there at the start.
    #[arg(long, value_name = "STRING|@FILE|-")]
    storage: Option<String>,

    /// The container that the files go to; made where it is missing
    #[arg(long, value_name = "NAME", default_value = USUAL_CONTAINER, value_parser = container)]
    storage_container: String,

    /// Trust the certificates in this PEM file as well where storage is spoken to over TLS
    #[arg(long, value_name = "PEM")]
    storage_ca_file: Option<PathBuf>,

    /// Misbehave on purpose, such as throttle:5s,on=https,every=10; may be given several times
    ///
    /// refuse closes new connections. throttle[:RETRY_AFTER] answers 429, unavailable 503. delay:DURATION does what is asked
    /// and answers late; drop does it and cuts the connection instead of answering. detach[:CONDITION] ends a single link of
    /// AMQP. Behind a comma each: on=https+amqp+mqtt, at=send+receive+read+twin+call (what a device sends, messages that it is given,
    /// events that readers are given, what it asks and reports of its twin, calls of its methods), device=PATTERN, after=N (so many
    /// pass first), every=N (each Nth), count=N (so often at the most), rate=0.1 (by chance), for=DURATION from the start on. All the time, and without conditions: skew:DURATION sets the hub's
    /// clock ahead (skew:-10m behind), expire:DURATION ends tokens so long before their time, quota:N lets so many messages of
    /// 4 KB a day through.
    #[arg(long, value_name = "SPEC")]
    fault: Vec<Trouble>,

    /// What chance is drawn from: the same number makes the same faults strike, device by device
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,

    /// Print `export` lines for a shell instead of JSON, once it is ready
    ///
    /// As the hub goes on running, send them to a file and read that: hubctl emulator --print-env > hub.env & and, once
    /// they are there, . ./hub.env
    #[arg(long)]
    print_env: bool,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
struct Plan {
    options: Options,
    /// Other machines can reach it.
    is_remote: bool,
}

/// Runs a hub until it is interrupted.
///
/// # Errors
/// [`Kind::Usage`] for what cannot be, [`Kind::Input`] for files, [`Kind::Unreachable`] for ports.
pub fn run(args: &EmulatorArgs, context: &mut Context) -> Result<(), Failure> {
    let mut plan = plan(args, &context.environment)?;
    plan.options.storage.account = storage_account(args, context)?;
    Context::block_on(serve(args, plan, context))
}

async fn serve(args: &EmulatorArgs, mut plan: Plan, context: &mut Context) -> Result<(), Failure> {
    // What is told of the files is used elsewhere, from other folders.
    if let Ok(absolute) = std::path::absolute(&plan.options.data_dir) {
        plan.options.data_dir = absolute;
    }
    // Before the ready line: whoever has read it may stop us.
    let interrupted = interruption()?;
    let address = plan.options.address;
    if plan.is_remote {
        context.warn(&format!(
            "the hub listens on {address}, where other machines can reach it"
        ));
    }
    let tracer = context.trace.then(|| Tracer::new(trace));
    let running = Emulator::start(plan.options, context.clock, tracer.unwrap_or_default()).await?;
    let ready = if args.print_env {
        env_lines(running.endpoints())
    } else {
        ready_line(address, running.endpoints())
    };
    context.print(ready.as_bytes())?;
    let Ports {
        https,
        amqps,
        mqtts,
        ..
    } = running.endpoints().ports;
    context.note(&format!(
        "listening on {address}, ports {https} (HTTPS), {amqps} (AMQP) and {mqtts} (MQTT); Ctrl-C stops it"
    ));
    let page = running.endpoints().ui_link();
    context.note(&format!(
        "a page to look at, opened once by this link: {}",
        page.expose()
    ));
    interrupted.await;
    running.stop().await;
    Ok(())
}

/// What the arguments come to.
fn plan(args: &EmulatorArgs, environment: &Environment) -> Result<Plan, Failure> {
    let usage = |what: &str| Failure::new(Kind::Usage, what.to_owned());
    let address = match args.host.as_str() {
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        host => host.parse().map_err(|_| {
            usage("--host is no address").hint("Give an IP address, such as 127.0.0.1.")
        })?,
    };
    let is_remote = !address.is_loopback();
    if is_remote && !args.allow_remote {
        return Err(
            usage("other machines would reach the emulator on that address")
                .hint("Say --allow-remote as well if that is what you want."),
        );
    }
    if is_remote && args.plain_amqp_port.is_some() {
        return Err(usage("AMQP without TLS is served on loopback only")
            .hint("Leave --plain-amqp-port out, or --host."));
    }
    let is_possible = |count: &usize| (1..=MAX_PARTITIONS).contains(count);
    if !args.partitions.as_ref().is_none_or(is_possible) {
        return Err(usage("a hub has from 1 to 32 partitions"));
    }
    let kept = || environment.data_dir().map(|data| data.join("emulator"));
    let data_dir = args.data_dir.clone().or_else(kept).ok_or_else(|| {
        Failure::new(
            Kind::Input,
            "there is no folder to keep the emulator's keys in",
        )
        .hint("Name one with --data-dir.")
    })?;
    let (https, amqps, mqtts) = if args.standard_ports {
        (STANDARD_HTTPS, STANDARD_AMQPS, STANDARD_MQTTS)
    } else {
        (args.https_port, args.amqps_port, args.mqtts_port)
    };
    let mut hosts = args.hostname.clone();
    if is_remote && !address.is_unspecified() {
        hosts.push(address.to_string());
    }
    Ok(Plan {
        options: Options {
            address,
            hosts,
            ports: Ports {
                https,
                amqps,
                amqp: args.plain_amqp_port,
                mqtts,
                admin: args.admin_port,
            },
            data_dir,
            keep: args.data_dir.is_some(),
            partitions: args.partitions,
            retention: TimeDelta::from_std(args.retention).unwrap_or(TimeDelta::MAX),
            retention_bytes: args.retention_size.map(bytes),
            consumer_groups: args.consumer_group.clone(),
            routes: args.route.clone(),
            enrichments: args.enrich.clone(),
            device_authorities: args.device_ca.clone(),
            devices: args.device.clone(),
            storage: storage::Options {
                account: None,
                container: args.storage_container.clone(),
                ca_file: args.storage_ca_file.clone(),
            },
            troubles: args.fault.clone(),
            seed: args.seed,
        },
        is_remote,
    })
}

/// The account that was named, and whether its trust anchors can be read, before anything is begun.
fn storage_account(
    args: &EmulatorArgs,
    context: &mut Context,
) -> Result<Option<StorageAccount>, Failure> {
    if let Some(path) = &args.storage_ca_file {
        trust::read_certificates(path).map_err(|error| {
            Failure::new(
                Kind::Input,
                "cannot use the trust anchors of --storage-ca-file",
            )
            .because(&error)
            .hint(
                "Name a PEM file with the certificate of the authority that storage's comes from.",
            )
        })?;
    }
    let Some(text) = &args.storage else {
        return Ok(None);
    };
    let text = read_text(text, STORAGE_LIMIT, "the storage account", context)?;
    let account = text.expose().parse().map_err(|error: StorageAccountError| {
        Failure::new(Kind::Input, "--storage is no connection string of a storage account")
            .because(&error)
            .hint(
                "The portal shows it under Access keys of the storage account; UseDevelopmentStorage=true is Azurite.",
            )
    })?;
    Ok(Some(account))
}

fn container(text: &str) -> Result<String, String> {
    if is_container_name(text) {
        return Ok(text.to_owned());
    }
    Err("a container's name has 3 to 63 lower-case letters, digits and single hyphens".to_owned())
}

fn bytes(megabytes: u32) -> usize {
    usize::try_from(u64::from(megabytes) * 1024 * 1024).unwrap_or(usize::MAX)
}

/// Comes true when the user or the system asks the process to end.
fn interruption() -> Result<impl Future<Output = ()>, Failure> {
    let failed =
        |error: std::io::Error| Failure::new(Kind::Bug, "cannot wait for Ctrl-C").because(&error);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        let mut ctrl_c = tokio::signal::windows::ctrl_c().map_err(failed)?;
        Ok(async move {
            ctrl_c.recv().await;
        })
    }
}

/// One line of JSON with everything that a client needs.
fn ready_line(address: IpAddr, endpoints: &Endpoints) -> String {
    let object = |strings: Vec<(&str, Secret)>| {
        let members = strings.into_iter();
        Value::Object(
            members
                .map(|(name, string)| (name.to_owned(), json!(string.expose())))
                .collect::<Map<_, _>>(),
        )
    };
    let Ports {
        https,
        amqps,
        amqp,
        mqtts,
        admin,
    } = endpoints.ports;
    let development = endpoints.development_string();
    let line = json!({
        "ready": true,
        "hub": endpoints.host,
        "host": address.to_string(),
        "ports": { "https": https, "amqps": amqps, "amqp": amqp, "mqtts": mqtts, "admin": admin },
        "adminUrl": endpoints.admin_url(),
        "caFile": endpoints.ca_file.to_string_lossy(),
        "eventHub": endpoints.entity,
        "hubConnectionString": endpoints.owner_string().expose(),
        "policies": object(endpoints.hub_strings()),
        "eventHubConnectionString": endpoints.event_hub_string().expose(),
        "emulatorConnectionString": development.as_ref().map(Secret::expose),
        "devices": object(endpoints.device_strings()),
        "ui": endpoints.ui_link().expose(),
    });
    format!("{line}\n")
}

/// The same for `eval "$(…)"` in a POSIX shell.
fn env_lines(endpoints: &Endpoints) -> String {
    let ca_file = endpoints.ca_file.to_string_lossy();
    let owner = endpoints.owner_string();
    let amqp_port = endpoints.ports.amqps.to_string();
    let mqtt_port = endpoints.ports.mqtts.to_string();
    let event_hub = endpoints.event_hub_string();
    let device = endpoints.device_strings().into_iter().next();
    let ui = endpoints.ui_link();
    let admin_url = endpoints.admin_url();
    let mut variables = vec![
        ("IOTHUB_CONNECTION_STRING", owner.expose()),
        ("EVENTHUB_CONNECTION_STRING", event_hub.expose()),
    ];
    if let Some((_, string)) = &device {
        variables.push(("IOTHUB_DEVICE_CONNECTION_STRING", string.expose()));
    }
    variables.extend([
        ("HUBCTL_AMQP_PORT", amqp_port.as_str()),
        ("HUBCTL_MQTT_PORT", mqtt_port.as_str()),
        ("HUBCTL_CA_FILE", &ca_file),
        ("HUBCTL_UI", ui.expose()),
        ("NODE_EXTRA_CA_CERTS", &ca_file),
    ]);
    if let Some(url) = &admin_url {
        variables.push(("HUBCTL_ADMIN_URL", url));
    }
    let mut lines = String::new();
    for (name, value) in variables {
        // Within single quotes a shell takes everything as it stands, but for the quote itself.
        let value = value.replace('\'', r"'\''");
        let _ = writeln!(lines, "export {name}='{value}'");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: EmulatorArgs,
    }

    fn planned(arguments: &[&str]) -> Result<Plan, Failure> {
        let line = ["emulator"].iter().chain(arguments);
        let args = Line::try_parse_from(line).unwrap().args;
        let home = ("HUBCTL_DATA_DIR".to_owned(), "/data".to_owned());
        plan(&args, &Environment::from_iter([home]))
    }

    fn endpoints() -> Endpoints {
        Endpoints {
            host: "localhost".to_owned(),
            ports: Ports {
                https: 443,
                amqps: 5671,
                amqp: None,
                mqtts: 8883,
                admin: Some(9),
            },
            ca_file: PathBuf::from("/da'ta/ca.pem"),
            entity: "eh".to_owned(),
            policies: vec![("iothubowner".to_owned(), Secret::new("a2V5"))],
            devices: vec![("d'1".to_owned(), Secret::new("a2V5"))],
            ui_token: Secret::new("once"),
        }
    }

    #[test]
    fn it_stays_on_this_machine_unless_told_otherwise() {
        let usual = planned(&[]).unwrap();
        assert!(!usual.is_remote);
        assert_eq!(usual.options.ports.https, 8443);
        assert_eq!(usual.options.data_dir, PathBuf::from("/data/emulator"));
        assert_eq!(
            planned(&["--host", "0.0.0.0"]).unwrap_err().kind,
            Kind::Usage
        );
        assert!(
            planned(&["--host", "0.0.0.0", "--allow-remote"])
                .unwrap()
                .is_remote
        );
        let plain = ["--host", "::", "--allow-remote", "--plain-amqp-port", "0"];
        assert_eq!(planned(&plain).unwrap_err().kind, Kind::Usage);
        let named = planned(&["--host", "10.0.0.1", "--allow-remote"]).unwrap();
        assert_eq!(named.options.hosts, ["10.0.0.1"]);
        assert_eq!(
            planned(&["--host", "hub.local"]).unwrap_err().kind,
            Kind::Usage
        );
        assert_eq!(
            planned(&["--partitions", "33"]).unwrap_err().kind,
            Kind::Usage
        );
        let standard = planned(&["--standard-ports"]).unwrap().options.ports;
        assert_eq!(
            (standard.https, standard.amqps, standard.mqtts),
            (443, 5671, 8883)
        );
    }

    #[test]
    fn the_ready_line_is_one_json_object() {
        let line = ready_line(IpAddr::from([127, 0, 0, 1]), &endpoints());
        assert_eq!(
            line,
            concat!(
                r#"{"ready":true,"hub":"localhost","host":"127.0.0.1","ports":{"https":443,"amqps":5671,"amqp":null,"mqtts":8883,"admin":9},"adminUrl":"http://localhost:9","#,
                r#""caFile":"/da'ta/ca.pem","eventHub":"eh","#,
                r#""hubConnectionString":"HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=a2V5","#,
                r#""policies":{"iothubowner":"HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=a2V5"},"#,
                r#""eventHubConnectionString":"Endpoint=sb://localhost/;SharedAccessKeyName=iothubowner;SharedAccessKey=a2V5;EntityPath=eh","#,
                r#""emulatorConnectionString":null,"#,
                r#""devices":{"d'1":"HostName=localhost;DeviceId=d'1;SharedAccessKey=a2V5"},"#,
                r#""ui":"https://localhost/ui?token=once"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        let lines = env_lines(&endpoints());
        assert!(lines.contains(r"export IOTHUB_DEVICE_CONNECTION_STRING='HostName=localhost;DeviceId=d'\''1;SharedAccessKey=a2V5'"));
        assert!(lines.contains("export HUBCTL_MQTT_PORT='8883'\n"));
        assert!(lines.contains("export HUBCTL_UI='https://localhost/ui?token=once'\n"));
        assert!(lines.contains("export HUBCTL_ADMIN_URL='http://localhost:9'\n"));
        #[cfg(unix)]
        {
            let script = format!("{lines}printf %s \"$HUBCTL_CA_FILE\"");
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            assert_eq!(output.unwrap().stdout, b"/da'ta/ca.pem");
        }
    }
}
