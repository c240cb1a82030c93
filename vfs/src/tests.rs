use std::path::PathBuf;

use super::*;

fn path(name: &str) -> PathBuf {
    PathBuf::from("/data").join(name)
}

fn with_dir<V: Vfs>(vfs: V) -> V {
    vfs.create_dir(&path("")).unwrap();
    vfs
}

/// What every implementation owes, on directory `dir`.
fn honours_the_seam(vfs: &dyn Vfs, dir: &Path) {
    vfs.create_dir(dir).unwrap();
    vfs.create_dir(dir).unwrap();
    let (a, b) = (dir.join("a"), dir.join("b"));
    assert_eq!(vfs.open(&a, OpenMode::Read).err().map(|e| e.kind()), Some(io::ErrorKind::NotFound));
    let file = vfs.open(&a, OpenMode::CreateNew).unwrap();
    assert_eq!(vfs.open(&a, OpenMode::CreateNew).err().map(|e| e.kind()), Some(io::ErrorKind::AlreadyExists));
    assert!(file.is_empty().unwrap());
    file.append(b"hello ").unwrap();
    file.append(b"world").unwrap();
    file.sync().unwrap();
    let mut buf = [0; 8];
    assert_eq!(file.read_at(&mut buf, 6).unwrap(), 5);
    assert_eq!(&buf[..5], b"world");
    assert_eq!(file.read_at(&mut buf, 99).unwrap(), 0);
    file.truncate(5).unwrap();
    let again = vfs.open(&a, OpenMode::Append).unwrap();
    again.append(b"!").unwrap();
    assert_eq!(again.len().unwrap(), 6);
    vfs.rename(&a, &b).unwrap();
    assert_eq!(vfs.list(dir).unwrap(), ["b"]);
    vfs.sync_dir(dir).unwrap();
    vfs.remove(&b).unwrap();
    assert!(vfs.remove(&b).is_err() && vfs.rename(&b, &a).is_err());
    let lock = vfs.lock(&dir.join("lock")).unwrap();
    assert_eq!(vfs.lock(&dir.join("lock")).err().map(|e| e.kind()), Some(io::ErrorKind::WouldBlock));
    drop(lock);
    drop(vfs.lock(&dir.join("lock")).unwrap());
    assert!(vfs.list(&dir.join("none")).is_err());
}

#[test]
fn all_three_honour_the_seam() {
    let tmp = tempfile::tempdir().unwrap();
    honours_the_seam(&StdVfs, &tmp.path().join("d"));
    honours_the_seam(&MemVfs::new(), Path::new("/d"));
    honours_the_seam(&SimVfs::new(1), Path::new("/d"));
}

#[test]
fn power_loss_keeps_what_was_synced_and_at_most_what_was_written() {
    let written: Vec<u8> = (0..3000_u32).map(|i| (i % 251) as u8).collect();
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let disk = with_dir(SimVfs::new(seed));
        let file = disk.open(&path("f"), OpenMode::CreateNew).unwrap();
        for dir in ["/", "/data"] {
            disk.sync_dir(Path::new(dir)).unwrap();
        }
        file.append(&written[..1000]).unwrap();
        file.sync().unwrap();
        file.append(&written[1000..]).unwrap();
        disk.restart();
        let left = disk.contents(&path("f")).unwrap();
        assert_eq!(left[..1000], written[..1000], "seed {seed}");
        assert!(left.len() <= written.len());
        lengths.insert(left.len());
        assert!(file.append(b"x").is_err(), "files opened before the power loss are void");
    }
    assert!(lengths.len() > 20 && lengths.contains(&1000) && lengths.contains(&3000));
}

#[test]
fn power_loss_may_undo_names_that_were_not_synced() {
    let outcomes: std::collections::BTreeSet<Vec<String>> = (0..50)
        .map(|seed| {
            let disk = with_dir(SimVfs::new(seed));
            disk.sync_dir(Path::new("/")).unwrap();
            disk.open(&path("old"), OpenMode::CreateNew).unwrap();
            disk.sync_dir(&path("")).unwrap();
            disk.rename(&path("old"), &path("new")).unwrap();
            disk.restart();
            disk.list(&path("")).unwrap()
        })
        .collect();
    assert!(outcomes.contains(&vec!["old".to_owned()]) && outcomes.contains(&vec!["new".to_owned()]));
    assert!(!outcomes.contains(&Vec::new()), "a renamed file keeps one of its names");
}

#[test]
fn faults_come_when_planned() {
    let disk = with_dir(SimVfs::new(3));
    let file = disk.open(&path("f"), OpenMode::CreateNew).unwrap();
    let next = disk.calls() + 1;
    disk.plan(Some(Fault { call: next, persistent: false, kind: FaultKind::ShortWrite(2) }));
    assert!(file.append(b"abc").is_err());
    file.append(b"d").unwrap();
    assert_eq!(disk.contents(&path("f")).unwrap(), b"abd");
    disk.plan(Some(Fault { call: disk.calls() + 1, persistent: true, kind: FaultKind::Error }));
    assert!(file.sync().is_err() && file.sync().is_err());
    disk.plan(None);
    disk.set_capacity(Some(5));
    assert_eq!(file.append(b"efg").err().map(|e| e.kind()), Some(io::ErrorKind::StorageFull));
    assert_eq!(disk.contents(&path("f")).unwrap(), b"abdef");
    assert!(disk.flip_bit(&path("f"), 0, 1) && !disk.flip_bit(&path("f"), 5, 0));
    assert_eq!(disk.contents(&path("f")).unwrap(), b"cbdef");
}
