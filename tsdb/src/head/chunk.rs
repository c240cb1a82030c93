//! Chunks of a series: the open one, and those that take no more samples.

use std::borrow::Cow;
use std::sync::Arc;

use promethium_chunk::{
    ChunkError, EncodedChunk, Encoding, FloatHistogramAppender, HistogramAppender, Xor2Appender, XorAppender,
    sample_count,
};
use promethium_model::{HistogramValue, SampleBatch, TimeRange};
use promethium_wal::head_chunks::{HeadChunk, HeadChunkRef, HeadChunks};

/// The chunk that takes a series' samples. Empty only while the series has none in memory.
pub(crate) enum OpenChunk {
    /// Floats.
    Xor(XorAppender),
    /// Floats with start timestamps.
    Xor2(Box<Xor2Appender>),
    /// Histograms with integer counts.
    Histogram(HistogramAppender),
    /// Histograms with float counts.
    FloatHistogram(FloatHistogramAppender),
}

/// A chunk that takes no more samples.
#[derive(Clone)]
pub(crate) struct SealedChunk {
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) samples: u16,
    pub(crate) encoding: Encoding,
    pub(crate) data: ChunkData,
}

impl SealedChunk {
    /// A chunk that was made of samples at hand.
    pub(crate) fn in_memory(chunk: EncodedChunk) -> Self {
        SealedChunk {
            min_ms: chunk.min_ms,
            max_ms: chunk.max_ms,
            samples: sample_count(chunk.encoding, &chunk.data) as u16,
            encoding: chunk.encoding,
            data: ChunkData::Memory(chunk.data.into()),
        }
    }

    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.min_ms <= range.max_ms && self.max_ms >= range.min_ms
    }

    /// The number of the head chunk file that has it; `None` while it is in memory.
    pub(crate) fn file(&self) -> Option<u32> {
        self.file_place().map(HeadChunkRef::file)
    }

    /// File, and place in it.
    pub(crate) fn file_place(&self) -> Option<HeadChunkRef> {
        if let ChunkData::File(reference) = self.data { Some(reference) } else { None }
    }

    /// All of it, as a reader sees it.
    pub(crate) fn view(&self, files: Option<&HeadChunks>) -> ChunkView {
        ChunkView { encoding: self.encoding, samples: self.samples.into(), bytes: self.data.bytes(files) }
    }
}

/// Where a chunk's bytes are.
#[derive(Clone)]
pub(crate) enum ChunkData {
    Memory(Arc<[u8]>),
    /// In a head chunk file.
    File(HeadChunkRef),
}

/// A chunk's bytes, at hand.
pub(crate) enum ChunkBytes {
    Memory(Arc<[u8]>),
    Mapped(HeadChunk),
    /// What should have the bytes does not.
    Lost(String),
}

/// A chunk as a reader sees it: only the first `samples` are visible to it.
pub(crate) struct ChunkView {
    pub(crate) encoding: Encoding,
    pub(crate) samples: usize,
    pub(crate) bytes: ChunkBytes,
}

/// The value of a series' newest sample.
pub(crate) enum Newest {
    Float(f64),
    Histogram(HistogramValue),
}

impl Default for OpenChunk {
    /// A chunk without samples.
    fn default() -> Self {
        OpenChunk::Xor(XorAppender::new())
    }
}

impl OpenChunk {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            OpenChunk::Xor(chunk) => chunk.len(),
            OpenChunk::Xor2(chunk) => chunk.len(),
            OpenChunk::Histogram(chunk) => chunk.len(),
            OpenChunk::FloatHistogram(chunk) => chunk.len(),
        }
    }

    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            OpenChunk::Xor(chunk) => chunk.to_bytes().into(),
            OpenChunk::Xor2(chunk) => chunk.bytes().into(),
            OpenChunk::Histogram(chunk) => chunk.bytes().into(),
            OpenChunk::FloatHistogram(chunk) => chunk.bytes().into(),
        }
    }

    /// As [`OpenChunk::bytes`], to be kept.
    pub(crate) fn shared_bytes(&self) -> Arc<[u8]> {
        let OpenChunk::Xor(chunk) = self else { return Arc::from(self.bytes()) };
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, chunk.byte_len()).collect();
        if let Some(place) = Arc::get_mut(&mut bytes) {
            chunk.copy_to(place);
        }
        bytes
    }

    pub(crate) fn encoding(&self) -> Encoding {
        match self {
            OpenChunk::Xor(_) => Encoding::Xor,
            OpenChunk::Xor2(_) => Encoding::Xor2,
            OpenChunk::Histogram(chunk) => chunk.encoding(),
            OpenChunk::FloatHistogram(chunk) => chunk.encoding(),
        }
    }

    /// Time of the newest sample. Meaningless while there is none.
    #[inline]
    pub(crate) fn newest_ms(&self) -> i64 {
        match self {
            OpenChunk::Xor(chunk) => chunk.newest().0,
            OpenChunk::Xor2(chunk) => chunk.newest().0,
            OpenChunk::Histogram(chunk) => chunk.newest_timestamp(),
            OpenChunk::FloatHistogram(chunk) => chunk.newest_timestamp(),
        }
    }

    pub(crate) fn newest(&self) -> Option<Newest> {
        match self {
            _ if self.is_empty() => None,
            OpenChunk::Xor(chunk) => Some(Newest::Float(chunk.newest().1)),
            OpenChunk::Xor2(chunk) => Some(Newest::Float(chunk.newest().1)),
            OpenChunk::Histogram(chunk) => Some(Newest::Histogram(HistogramValue::Int(Arc::new(chunk.newest())))),
            OpenChunk::FloatHistogram(chunk) => {
                Some(Newest::Histogram(HistogramValue::Float(Arc::new(chunk.newest()))))
            }
        }
    }

    /// Appends the first samples to `out`.
    pub(crate) fn decode(&self, samples: usize, out: &mut SampleBatch) -> Result<(), ChunkError> {
        promethium_chunk::decode_prefix(self.encoding(), &self.bytes(), samples, out)
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            OpenChunk::Xor(chunk) => chunk.capacity(),
            OpenChunk::Xor2(chunk) => chunk.capacity() + size_of::<Xor2Appender>(),
            OpenChunk::Histogram(chunk) => chunk.heap_bytes(),
            OpenChunk::FloatHistogram(chunk) => chunk.heap_bytes(),
        }
    }
}

impl ChunkData {
    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            ChunkData::Memory(bytes) => bytes.len(),
            ChunkData::File(_) => 0,
        }
    }

    /// The bytes. To be called under the lock of the series: what it has of chunks in files stays there that long.
    pub(crate) fn bytes(&self, files: Option<&HeadChunks>) -> ChunkBytes {
        match (self, files) {
            (ChunkData::Memory(bytes), _) => ChunkBytes::Memory(Arc::clone(bytes)),
            (ChunkData::File(reference), Some(files)) => match files.read(*reference) {
                Ok(chunk) => ChunkBytes::Mapped(chunk),
                Err(error) => ChunkBytes::Lost(error.to_string()),
            },
            (ChunkData::File(_), None) => ChunkBytes::Lost("there are no head chunk files".to_owned()),
        }
    }

    /// The bytes, `None` when they are lost.
    pub(crate) fn open(&self, files: Option<&HeadChunks>) -> Option<ChunkBytes> {
        Some(self.bytes(files)).filter(|bytes| !matches!(bytes, ChunkBytes::Lost(_)))
    }
}

impl ChunkBytes {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            ChunkBytes::Memory(bytes) => bytes,
            ChunkBytes::Mapped(chunk) => chunk,
            ChunkBytes::Lost(_) => &[],
        }
    }
}

impl ChunkView {
    /// Appends the visible samples to `out`.
    ///
    /// # Errors
    ///
    /// What is wrong with the chunk: it was read from a file.
    pub(crate) fn decode(&self, out: &mut SampleBatch) -> Result<(), String> {
        if let ChunkBytes::Lost(reason) = &self.bytes {
            return Err(reason.clone());
        }
        promethium_chunk::decode_prefix(self.encoding, self.bytes.as_slice(), self.samples, out)
            .map_err(|error| error.to_string())
    }
}
