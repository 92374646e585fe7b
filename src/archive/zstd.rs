//! A stream packed by zstd, unpacked as it is read: any number of frames, those to be skipped left out.
//!
//! The decoder keeps one window, of at most 128 MiB; a frame that asks for more is an error. <https://www.rfc-editor.org/rfc/rfc8878>

use std::io::{self, BufRead, ErrorKind, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Unpacks what it reads from a source.
pub(super) struct ZstdDecoder<R> {
    source: R,
    decoder: FrameDecoder,
    position: ZstdPosition,
}

/// Where in the stream the source is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ZstdPosition {
    BetweenFrames,
    InFrame,
}

impl<R: BufRead> ZstdDecoder<R> {
    pub(super) fn new(source: R) -> ZstdDecoder<R> {
        ZstdDecoder {
            source,
            decoder: FrameDecoder::new(),
            position: ZstdPosition::BetweenFrames,
        }
    }

    /// Reads on to the next frame that holds data; `false` when there is none.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(error) => match skippable(&error) {
                    Some(length) => self.skip(length)?,
                    None => return Err(io::Error::other(error)),
                },
            }
        }
        Ok(false)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        match io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? {
            skipped if skipped == length => Ok(()),
            _ => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Compares the checksum, where the frame has one.
    fn end_frame(&self) -> io::Result<()> {
        match (
            self.decoder.get_checksum_from_data(),
            self.decoder.get_calculated_checksum(),
        ) {
            (Some(expected), Some(found)) if expected != found => {
                let why = format!("a frame has the checksum {found:08x}, expected {expected:08x}");
                Err(io::Error::new(ErrorKind::InvalidData, why))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for ZstdDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.position == ZstdPosition::BetweenFrames && !self.begin_frame()? {
                return Ok(0);
            }
            self.position = ZstdPosition::InFrame;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self
                    .decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(io::Error::other)?;
            }
            let length = self.decoder.read(buffer)?;
            if length > 0 {
                return Ok(length);
            }
            self.end_frame()?;
            self.position = ZstdPosition::BetweenFrames;
        }
    }
}

/// The length of a frame that holds no data of the stream's.
fn skippable(error: &FrameDecoderError) -> Option<u64> {
    match error {
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
            length, ..
        }) => Some(u64::from(*length)),
        _ => None,
    }
}
