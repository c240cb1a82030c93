//! Committers that wait for the medium at once share a sync.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use promethium_tsdb::vfs::{MemVfs, OpenMode, Vfs, VfsFile, VfsLock};
use promethium_tsdb::{Db, DbOptions, Sync};

use crate::support::{START_MS, clock, commit, contents, expected};

const COMMITTERS: usize = 8;

/// Files whose first sync of a log takes until every committer has written.
#[derive(Default)]
struct SlowDisk {
    files: MemVfs,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    appends: usize,
    syncs: usize,
}

struct SlowFile {
    file: Arc<dyn VfsFile>,
    gate: Arc<Gate>,
}

impl VfsFile for SlowFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.file.append(data)?;
        self.gate.counts.lock().unwrap().appends += 1;
        self.gate.changed.notify_all();
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut counts = self.gate.counts.lock().unwrap();
        counts.syncs += 1;
        drop(self.gate.changed.wait_while(counts, |c| c.appends < COMMITTERS).unwrap());
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }
}

impl Vfs for SlowDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        Ok(Arc::new(SlowFile { file: self.files.open(path, mode)?, gate: Arc::clone(&self.gate) }))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.files.create_dir(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.files.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.files.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn VfsLock>> {
        self.files.lock(path)
    }
}

#[test]
fn committers_that_wait_at_once_share_a_sync() {
    let disk = SlowDisk::default();
    let gate = Arc::clone(&disk.gate);
    let options = DbOptions::default().sync(Sync::Always);
    let db = Db::open_with(Arc::new(disk), Path::new("/data"), options, clock()).unwrap();
    let batch = |i: usize| vec![(i, START_MS, i as f64)];
    std::thread::scope(|scope| {
        for i in 0..COMMITTERS {
            let db = &db;
            scope.spawn(move || commit(db, &batch(i)).unwrap());
        }
    });
    // One sync for the committer that came first, one for all who wrote while it took.
    assert!(gate.counts.lock().unwrap().syncs <= 2);
    assert_eq!(contents(&db), expected(&(0..COMMITTERS).map(batch).collect::<Vec<_>>()));
}
