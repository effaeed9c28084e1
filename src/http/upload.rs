//! Bodies too large to hold: written to a file without a name as they come, measured and hashed on the way. No
//! transaction is open and no connection held while a caller sends.
use std::{fs::File, io::SeekFrom, time::Duration};

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::Body;
use futures_util::StreamExt as _;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};

use super::{file_quota::Place, patience::Patience};
use crate::{Error, Result};

/// How long a caller may pause, and how far who sends slowly may fall behind the least rate.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a file may take, however large it is: it takes room that others wait for.
pub const LONGEST: Duration = Duration::from_hours(1);
const BUFFER: usize = 1 << 17;

/// A body that has arrived. Its file is gone when it is dropped.
#[derive(Debug)]
pub struct Upload {
    /// At its beginning.
    pub file: File,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// What it takes, until nobody needs the file any more.
    pub place: Place,
}

impl Upload {
    /// Receives a body of so many bytes at most: `413` beyond, `408` when nothing, or too little, comes for ten seconds, or
    /// it takes more than an hour, `503` when there is no room for it.
    pub async fn receive(body: Body, most: u64, place: Place) -> Result<Self> {
        tokio::time::timeout(LONGEST, Self::receive_all(body, most, place)).await.map_err(|_| Error::BodyTimeout)?
    }

    async fn receive_all(body: Body, most: u64, mut place: Place) -> Result<Self> {
        let failed = |error: std::io::Error| Error::internal(format!("an upload cannot be kept: {error}"));
        let file = tokio::task::spawn_blocking(tempfile::tempfile).await;
        let file = file.map_err(|error| Error::internal(format!("no file for an upload: {error}")))?.map_err(failed)?;
        let mut writer = BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(file));
        let mut hash = Context::new(&SHA256);
        let mut bytes = 0;
        let mut chunks = body.into_data_stream();
        let mut patience = Patience::new(PAUSE);
        while let Some(chunk) = patience.wait_for(chunks.next()).await.ok_or(Error::BodyTimeout)? {
            let chunk = chunk.map_err(|_| Error::UploadCut)?;
            patience.moved(chunk.len());
            bytes += chunk.len() as u64;
            if bytes > most {
                return Err(Error::PayloadTooLarge(usize::try_from(most).unwrap_or(usize::MAX)));
            }
            place.hold(bytes)?;
            hash.update(&chunk);
            writer.write_all(&chunk).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        writer.seek(SeekFrom::Start(0)).await.map_err(failed)?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hash.finish().as_ref());
        Ok(Self { file: writer.into_inner().into_std().await, sha256, place })
    }
}
