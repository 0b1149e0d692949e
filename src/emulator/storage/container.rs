//! A container that someone has given access to, and blobs of any size in it, in pieces.

use bytes::{Bytes, BytesMut};
use reqwest::{Response, Url};
use thiserror::Error;

use super::Storage;
use super::client::next_chunk;
use super::error::StorageError;
use crate::protocol::blob::encode_path;

/// How large a block is.
const BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// The longest line that is read, in bytes: an identity with its twin at its largest.
const MAX_LINE: usize = 1024 * 1024;

/// Why an address leads to no container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(in crate::emulator) enum ContainerError {
    /// It is none.
    #[error(
        "this is no address of a container, such as https://ACCOUNT.blob.core.windows.net/CONTAINER?SAS"
    )]
    NoAddress,
    /// The hub is let in nowhere else.
    #[error(
        "the hub's identity opens containers of its own storage account alone, which --storage names"
    )]
    Stranger,
}

/// An address of a container, with what gives access to it.
#[derive(Clone)]
pub(in crate::emulator) struct Container(pub(super) Url);

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Container(…)")
    }
}

impl Container {
    /// Reads an address; `None` for what is none.
    pub(super) fn parse(uri: &str) -> Option<Self> {
        let url = Url::parse(uri.trim()).ok()?;
        let is_named = !url.path().trim_matches('/').is_empty();
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        (is_web && is_named).then_some(Self(url))
    }

    /// The address of a blob in it.
    fn blob(&self, name: &str) -> Url {
        let mut url = self.0.clone();
        let container = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{container}/{}", encode_path(name)));
        url
    }
}

impl Storage {
    /// Whether a blob is there to be read.
    pub(in crate::emulator) async fn find(
        &self,
        container: &Container,
        blob: &str,
    ) -> Result<(), StorageError> {
        self.wire.head(container.blob(blob)).await?;
        Ok(())
    }

    /// Makes a blob, or empties it.
    pub(in crate::emulator) async fn create(
        &self,
        container: &Container,
        blob: &str,
    ) -> Result<(), StorageError> {
        self.wire.create_blob(container.blob(blob)).await
    }

    /// Reads a blob line by line.
    pub(in crate::emulator) async fn lines(
        &self,
        container: &Container,
        blob: &str,
    ) -> Result<Lines, StorageError> {
        let response = self.wire.get(container.blob(blob)).await?;
        Ok(Lines {
            size: response.content_length(),
            response,
            read: 0,
            rest: BytesMut::new(),
            is_over: false,
            is_long: false,
        })
    }

    /// Writes a blob that comes into being when it is finished.
    pub(in crate::emulator) fn writer(&self, container: &Container, blob: &str) -> BlobWriter<'_> {
        BlobWriter {
            storage: self,
            url: container.blob(blob),
            block: BytesMut::new(),
            blocks: 0,
        }
    }
}

/// A line, without what ends it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::emulator) enum Line {
    Whole(Bytes),
    /// One that is longer than any that is read.
    TooLong,
}

/// A blob that is read line by line, one piece of it in memory.
#[derive(Debug)]
pub(in crate::emulator) struct Lines {
    response: Response,
    size: Option<u64>,
    read: u64,
    rest: BytesMut,
    is_over: bool,
    /// Within a line that is too long.
    is_long: bool,
}

impl Lines {
    /// The next line; `None` at the end.
    pub(in crate::emulator) async fn next(&mut self) -> Result<Option<Line>, StorageError> {
        let mut searched = 0;
        loop {
            let end = self.rest[searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let mut line = self.rest.split_to(searched + end + 1);
                line.truncate(line.len() - 1);
                return Ok(Some(self.take(line)));
            }
            searched = self.rest.len();
            if searched > MAX_LINE {
                self.rest.clear();
                (self.is_long, searched) = (true, 0);
            }
            if self.is_over {
                let line = self.rest.split();
                let is_line = !line.is_empty() || self.is_long;
                return Ok(is_line.then(|| self.take(line)));
            }
            match next_chunk(&mut self.response).await? {
                Some(chunk) => {
                    self.read += chunk.len() as u64;
                    self.rest.extend_from_slice(&chunk);
                }
                None => self.is_over = true,
            }
        }
    }

    fn take(&mut self, line: BytesMut) -> Line {
        if std::mem::take(&mut self.is_long) || line.len() > MAX_LINE {
            return Line::TooLong;
        }
        Line::Whole(line.freeze())
    }

    /// How much of it has been read, in percent.
    pub(in crate::emulator) fn progress(&self) -> u8 {
        let size = self.size.unwrap_or(u64::MAX).max(1);
        let percent = self.read.saturating_mul(100) / size;
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}

/// A blob that is written, one block of it in memory.
#[derive(Debug)]
pub(in crate::emulator) struct BlobWriter<'a> {
    storage: &'a Storage,
    url: Url,
    block: BytesMut,
    blocks: u32,
}

impl BlobWriter<'_> {
    /// Adds a line.
    pub(in crate::emulator) async fn line(&mut self, text: &str) -> Result<(), StorageError> {
        self.block.extend_from_slice(text.as_bytes());
        self.block.extend_from_slice(b"\r\n");
        if self.block.len() >= BLOCK_BYTES {
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), StorageError> {
        let block = self.block.split().freeze();
        let (url, number) = (self.url.clone(), self.blocks);
        self.storage.wire.put_block(url, number, block).await?;
        self.blocks += 1;
        Ok(())
    }

    /// Makes the blob of all that was added.
    pub(in crate::emulator) async fn finish(mut self) -> Result<(), StorageError> {
        if !self.block.is_empty() {
            self.send().await?;
        }
        if self.blocks == 0 {
            return self.storage.wire.create_blob(self.url).await;
        }
        self.storage
            .wire
            .put_block_list(self.url, self.blocks)
            .await
    }
}
