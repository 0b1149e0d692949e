//! The registry on its way to storage and back: whoever carries its jobs out, one after the other.
//!
//! Knows files of lines, and nothing of requests. One page of identities or one block of a blob is in memory at a time.

mod dock;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::bulk_line;
use super::clock::Clock;
use super::driver::HubHandle;
use super::hub::command::{
    BulkChange, BulkError, Command, Direction, Refusal, Reply, TransferOperation, TransferRequest,
};
use super::storage::{BlobWriter, Container, ContainerError, Line, Lines, StorageError};
use crate::protocol::rest::error_code;
pub(in crate::emulator) use dock::{Dock, Order};

/// How many lines are carried out at a time.
const PAGE: usize = 100;

/// What ends a job before its end.
#[derive(Debug)]
enum Stopped {
    Storage(StorageError),
    Container(ContainerError),
    /// It was cancelled, or the hub ends.
    Hub(Refusal),
    /// The hub said something else than was asked for.
    Unanswered,
}

impl From<StorageError> for Stopped {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<ContainerError> for Stopped {
    fn from(error: ContainerError) -> Self {
        Self::Container(error)
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Hub(refusal)
    }
}

impl Stopped {
    fn words(&self) -> String {
        match self {
            Self::Storage(error) => error.to_string(),
            Self::Container(error) => error.to_string(),
            Self::Hub(refusal) => refusal.message.clone(),
            Self::Unanswered => "the hub did not answer".to_owned(),
        }
    }
}

/// Carries jobs out as they come, until nobody is left to order one.
pub(in crate::emulator) async fn work(
    hub: &HubHandle,
    dock: &Dock,
    clock: &Clock,
    mut orders: UnboundedReceiver<Order>,
) {
    while let Some(Order { id, request }) = orders.recv().await {
        let job = Job {
            hub,
            dock,
            clock,
            id: &id,
            request: &request,
        };
        // Storage may take its time; a job that is cancelled does not wait for it, for the next one waits for that.
        let done = tokio::select! {
            done = job.carry_out_whole() => done,
            () = dock.cancelled(&id) => continue,
        };
        let failure = done.err().map(|stopped| stopped.words());
        // Where the hub is gone, so is the job.
        let end = TransferOperation::End {
            id: id.clone(),
            failure,
        };
        let _ = job.ask(end).await;
    }
}

struct Job<'a> {
    hub: &'a HubHandle,
    dock: &'a Dock,
    clock: &'a Clock,
    id: &'a str,
    request: &'a TransferRequest,
}

impl Job<'_> {
    async fn carry_out_whole(&self) -> Result<(), Stopped> {
        let id = self.id.to_owned();
        self.ask(TransferOperation::Begin { id }).await?;
        match self.request.direction {
            Direction::Export => self.export().await,
            Direction::Import => self.import().await,
        }
    }

    async fn ask(&self, operation: TransferOperation) -> Result<Reply, Refusal> {
        self.hub.ask(Command::Transfer(operation)).await
    }

    fn container(&self, uri: &str) -> Result<Container, ContainerError> {
        let now = self.clock.machine_now();
        let storage = &self.dock.storage;
        storage.container(uri, self.request.by_identity, now)
    }

    async fn export(&self) -> Result<(), Stopped> {
        let output = self.container(&self.request.output)?;
        let mut writer = self.dock.storage.writer(&output, &self.request.output_blob);
        let mut after = None;
        loop {
            let page = TransferOperation::Export {
                id: self.id.to_owned(),
                after,
            };
            let Reply::Exported(page) = self.ask(page).await? else {
                return Err(Stopped::Unanswered);
            };
            for row in &page.rows {
                writer.line(&row.to_string()).await?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        writer.finish().await?;
        match &self.request.configurations_blob {
            Some(blob) => self.export_configurations(&output, blob).await,
            None => Ok(()),
        }
    }

    async fn export_configurations(&self, output: &Container, blob: &str) -> Result<(), Stopped> {
        let all = TransferOperation::ExportConfigurations {
            id: self.id.to_owned(),
        };
        let Reply::Json(Value::Array(all)) = self.ask(all).await? else {
            return Err(Stopped::Unanswered);
        };
        let mut writer = self.dock.storage.writer(output, blob);
        for one in &all {
            writer.line(&one.to_string()).await?;
        }
        Ok(writer.finish().await?)
    }

    async fn import(&self) -> Result<(), Stopped> {
        let input = self.container(self.request.input.as_deref().unwrap_or_default())?;
        let output = self.container(&self.request.output)?;
        let storage = &self.dock.storage;
        let mut lines = storage.lines(&input, &self.request.input_blob).await?;
        let mut errors = storage.writer(&output, &self.request.output_blob);
        let mut changes = Vec::new();
        let mut number = 0_u64;
        while let Some(line) = lines.next().await? {
            number += 1;
            match read(line, bulk_line::read_line) {
                Ok(change) => changes.extend(change),
                Err(why) => errors.line(&unread("device", number, &why)).await?,
            }
            if changes.len() >= PAGE {
                let page = std::mem::take(&mut changes);
                self.carry_out(page, lines.progress(), &mut errors).await?;
            }
        }
        self.carry_out(changes, 100, &mut errors).await?;
        if let Some(blob) = &self.request.configurations_blob {
            let mut lines = storage.lines(&input, blob).await?;
            self.import_configurations(&mut lines, &mut errors).await?;
        }
        Ok(errors.finish().await?)
    }

    async fn import_configurations(
        &self,
        lines: &mut Lines,
        errors: &mut BlobWriter<'_>,
    ) -> Result<(), Stopped> {
        let mut number = 0_u64;
        while let Some(line) = lines.next().await? {
            number += 1;
            let (configuration, draft, etag) = match read(line, bulk_line::read_configuration) {
                Ok(None) => continue,
                Ok(Some(read)) => read,
                Err(why) => {
                    errors.line(&unread("configuration", number, &why)).await?;
                    continue;
                }
            };
            let import = TransferOperation::ImportConfiguration {
                id: self.id.to_owned(),
                configuration: configuration.clone(),
                draft: Box::new(draft),
                etag,
            };
            match self.ask(import).await {
                Ok(_) => {}
                Err(refusal) if refusal.code == error_code::JOB_NOT_FOUND => {
                    return Err(refusal.into());
                }
                Err(refusal) => {
                    let line = json!({ "configurationId": configuration });
                    errors.line(&with_refusal(line, &refusal)).await?;
                }
            }
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        changes: Vec<BulkChange>,
        progress: u8,
        errors: &mut BlobWriter<'_>,
    ) -> Result<(), Stopped> {
        let page = TransferOperation::Import {
            id: self.id.to_owned(),
            changes,
            progress,
        };
        let Reply::Bulk(refused) = self.ask(page).await? else {
            return Err(Stopped::Unanswered);
        };
        for error in &refused {
            errors.line(&refusal(error)).await?;
        }
        Ok(())
    }
}

/// What a line asks for; nothing for an empty one.
fn read<T>(
    line: Line,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Result<Option<T>, String> {
    let Line::Whole(line) = line else {
        return Err("It is too long.".to_owned());
    };
    let text = without_mark(&line).trim_ascii();
    if text.is_empty() {
        return Ok(None);
    }
    parse(text).map(Some)
}

/// Without the byte order mark that files of Windows begin with.
fn without_mark(line: &Bytes) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// The form of these two is that of the service's own logs (issues of azure-functions-host and azure-iot-sdk-java), but that
/// a line, which may hold keys, is not repeated.
fn unread(what: &str, number: u64, why: &str) -> String {
    let status = format!("Invalid {what} format in line {number}: {why}");
    json!({ "errorCode": error_code::DESERIALIZATION_ERROR.number, "errorStatus": status })
        .to_string()
}

fn refusal(error: &BulkError) -> String {
    let mut line = json!({ "deviceId": error.identity.device });
    if let Some(module) = &error.identity.module {
        line["moduleId"] = module.as_str().into();
    }
    with_refusal(line, &error.refusal)
}

fn with_refusal(mut line: Value, refusal: &Refusal) -> String {
    line["errorCode"] = refusal.code.number.into();
    line["errorStatus"] = refusal.message.as_str().into();
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::hub::command::ImportMode;
    use crate::model::device::IdentityId;

    #[test]
    fn lines_are_read_whoever_wrote_them() {
        let line = |text: &'static str| Line::Whole(Bytes::from_static(text.as_bytes()));
        for empty in ["", "\r", "  \t"] {
            assert!(read(line(empty), bulk_line::read_line).unwrap().is_none());
        }
        let text = line("\u{feff}{\"id\":\"d\",\"importMode\":\"Delete\"}\r");
        let change = read(text, bulk_line::read_line);
        let change = change.unwrap().unwrap();
        assert_eq!(
            (change.id().device.as_str(), change.mode),
            ("d", ImportMode::Delete)
        );
        let why = read(Line::TooLong, bulk_line::read_line).unwrap_err();
        let line = unread("device", 7, &why);
        assert!(
            line.contains("Invalid device format in line 7: It is too long."),
            "{line}"
        );
    }

    #[test]
    fn a_refusal_is_a_line_of_the_services_form() {
        let error = BulkError {
            identity: IdentityId {
                device: "d".to_owned(),
                module: None,
            },
            mode: ImportMode::Update,
            refusal: Refusal {
                code: error_code::DEVICE_NOT_FOUND,
                condition: "",
                message: "d".to_owned(),
            },
        };
        let line = refusal(&error);
        assert_eq!(
            line,
            r#"{"deviceId":"d","errorCode":404001,"errorStatus":"d"}"#
        );
    }
}
