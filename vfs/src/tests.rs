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

fn kind_of<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
    result.err().map(|e| e.kind())
}

/// What every implementation owes of directories, links, maps and sizes, on directory `dir`.
fn honours_the_rest(vfs: &dyn Vfs, dir: &Path) {
    let (old, new) = (dir.join("old"), dir.join("new"));
    vfs.create_dir(&old.join("deep")).unwrap();
    let file = vfs.open(&old.join("deep/f"), OpenMode::CreateNew).unwrap();
    file.append(b"0123456789").unwrap();
    let (map, empty) = (file.map().unwrap(), vfs.open(&old.join("e"), OpenMode::CreateNew).unwrap().map().unwrap());
    file.append(b"later").unwrap();
    assert_eq!((&map[..], empty.len()), (&b"0123456789"[..], 0));
    assert_eq!(vfs.stat(&old).unwrap(), Stat { kind: FileKind::Dir, len: 0 });
    assert_eq!(vfs.stat(&old.join("deep/f")).unwrap(), Stat { kind: FileKind::File, len: 15 });
    assert_eq!(kind_of(vfs.stat(&new)), Some(io::ErrorKind::NotFound));

    vfs.rename(&old, &new).unwrap();
    assert_eq!(vfs.list(dir).unwrap(), ["new"]);
    assert_eq!(vfs.list(&new).unwrap(), ["deep", "e"]);
    assert_eq!(map.clone()[..], *b"0123456789", "a map outlives the name");
    vfs.create_dir(&old.join("full")).unwrap();
    assert!(vfs.rename(&new, &old).is_err(), "a directory replaces nothing");

    vfs.hard_link(&new.join("deep/f"), &old.join("g")).unwrap();
    assert_eq!(kind_of(vfs.hard_link(&new.join("deep/f"), &old.join("g"))), Some(io::ErrorKind::AlreadyExists));
    assert_eq!(kind_of(vfs.hard_link(&new.join("none"), &old.join("h"))), Some(io::ErrorKind::NotFound));
    assert_eq!((tree_bytes(vfs, dir).unwrap(), tree_bytes(vfs, &dir.join("none")).unwrap()), (30, 0));
    vfs.remove_dir_all(&new).unwrap();
    assert_eq!(kind_of(vfs.remove_dir_all(&new)), Some(io::ErrorKind::NotFound));
    assert_eq!(read_file(vfs, &old.join("g"), 15).unwrap(), b"0123456789later", "a link outlives the other name");
    assert_eq!(kind_of(read_file(vfs, &old.join("g"), 14)), Some(io::ErrorKind::FileTooLarge));

    replace_file(vfs, &old.join("g"), b"new").unwrap();
    replace_file(vfs, &old.join("h"), b"h").unwrap();
    assert_eq!(vfs.list(&old).unwrap(), ["full", "g", "h"]);
    assert_eq!(read_file(vfs, &old.join("g"), 3).unwrap(), b"new");
    assert!(remove_if_there(vfs, &old.join("h")).unwrap() && !remove_if_there(vfs, &old.join("h")).unwrap());
    assert!(remove_if_there(vfs, &old).unwrap() && vfs.list(dir).unwrap().is_empty());
    let space = vfs.space(dir).unwrap();
    assert!(space.available_bytes <= space.total_bytes && space.total_bytes > 0);
}

#[test]
fn all_three_know_directories_links_and_maps() {
    let tmp = tempfile::tempdir().unwrap();
    honours_the_rest(&StdVfs, &tmp.path().join("d"));
    honours_the_rest(&MemVfs::new(), Path::new("/d"));
    honours_the_rest(&SimVfs::new(1), Path::new("/d"));
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

/// A block being put in place: written and synced under one name, moved to another.
fn write_and_move(disk: &SimVfs, sync_the_parent: bool) {
    disk.create_dir(&path("b.tmp")).unwrap();
    let file = disk.open(&path("b.tmp/index"), OpenMode::CreateNew).unwrap();
    file.append(b"index").unwrap();
    file.sync().unwrap();
    disk.sync_dir(&path("b.tmp")).unwrap();
    disk.sync_dir(&path("")).unwrap();
    disk.rename(&path("b.tmp"), &path("b")).unwrap();
    if sync_the_parent {
        disk.sync_dir(&path("")).unwrap();
    }
}

#[test]
fn a_moved_directory_has_one_name_after_a_power_loss_and_all_that_was_synced_in_it() {
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in 0..50 {
        for sync_the_parent in [false, true] {
            let disk = with_dir(SimVfs::new(seed));
            disk.sync_dir(Path::new("/")).unwrap();
            write_and_move(&disk, sync_the_parent);
            disk.restart();
            let names = disk.list(&path("")).unwrap();
            assert_eq!(names.len(), 1, "seed {seed}: {names:?}");
            assert!(!sync_the_parent || names == ["b"]);
            assert_eq!(disk.contents(&path(&names[0]).join("index")).unwrap(), b"index");
            outcomes.insert(names);
        }
    }
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn a_removed_directory_may_come_back_in_part_until_its_parent_is_synced() {
    let mut left = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let disk = SimVfs::new(seed);
        for name in ["d/a", "d/b", "d/sub/c"] {
            disk.put(&path(name), vec![1]);
        }
        disk.plan(Some(Fault { call: 1, persistent: false, kind: FaultKind::PowerLoss }));
        assert!(disk.remove_dir_all(&path("d")).is_err());
        disk.restart();
        left.insert(tree_bytes(&disk, &path("d")).unwrap());
        let _ = remove_if_there(&disk, &path("d")).unwrap();
        disk.sync_dir(&path("")).unwrap();
        disk.restart();
        assert!(disk.list(&path("")).unwrap().is_empty());
    }
    assert_eq!(left.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn replacing_a_file_leaves_the_old_or_the_new_whenever_it_fails() {
    for call in 1..=6 {
        for kind in [FaultKind::Error, FaultKind::ShortWrite(1), FaultKind::PowerLoss] {
            for seed in 0..20 {
                let disk = SimVfs::new(seed);
                disk.put(&path("f"), b"old".to_vec());
                disk.plan(Some(Fault { call, persistent: false, kind }));
                let replaced = replace_file(&disk, &path("f"), b"new!");
                disk.restart();
                let now = disk.contents(&path("f")).unwrap();
                assert!(now == b"new!" || (now == b"old" && replaced.is_err()), "{call} {kind:?} {seed}: {now:?}");
                replace_file(&disk, &path("f"), b"again").unwrap();
                assert_eq!(disk.list(&path("")).unwrap(), ["f"]);
            }
        }
    }
}

#[test]
fn freed_bytes_and_failing_reads() {
    let disk = with_dir(SimVfs::new(0));
    disk.set_capacity(Some(10));
    let file = disk.open(&path("f"), OpenMode::CreateNew).unwrap();
    file.append(b"0123456789").unwrap();
    assert_eq!(disk.space(Path::new("/")).unwrap(), Space { total_bytes: 10, available_bytes: 0 });
    disk.remove(&path("f")).unwrap();
    disk.open(&path("g"), OpenMode::CreateNew).unwrap().append(b"again").unwrap();
    assert_eq!(file.map().unwrap().len(), 10, "an open file outlives its name");
    disk.plan_read(Some(Fault { call: disk.reads() + 1, persistent: false, kind: FaultKind::Error }));
    assert!(file.map().is_err() && file.map().is_ok());
}
