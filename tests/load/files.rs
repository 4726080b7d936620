// SPDX-License-Identifier: MIT OR Apache-2.0
//@ suite: load
//@ with: rust-gnu rust-musl
//! Files: folders, thousands of small files, seeking, appending, renaming, links, metadata, buffered lines, pipes.
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

fn tree(dir: &Path) -> io::Result<()> {
    for i in 0..20 {
        let sub = dir.join(format!("d{i}"));
        fs::create_dir(&sub)?;
        for k in 0..50 {
            fs::write(sub.join(format!("f{k}")), format!("{i}/{k}").repeat(k))?;
        }
    }
    let mut bytes = 0;
    let mut names = 0;
    for sub in fs::read_dir(dir)? {
        for file in fs::read_dir(sub?.path())? {
            let file = file?;
            bytes += file.metadata()?.len();
            names += file.file_name().len();
        }
    }
    println!("tree: {bytes} bytes, {names} of names");
    for i in 0..20 {
        fs::remove_dir_all(dir.join(format!("d{i}")))?;
    }
    println!("empty: {}", fs::read_dir(dir)?.count());
    Ok(())
}

fn one_file(dir: &Path) -> io::Result<()> {
    let path = dir.join("one");
    let mut f = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    f.write_all(&[1; 100_000])?;
    f.seek(SeekFrom::Start(200_000))?;
    f.write_all(b"end")?;
    f.seek(SeekFrom::Start(99_998))?;
    let mut buf = [9; 6];
    f.read_exact(&mut buf)?;
    println!("hole: {buf:?} {}", f.metadata()?.len());
    f.set_len(10)?;
    println!("cut: {} {}", fs::read(&path)?.len(), f.seek(SeekFrom::End(0))?);
    OpenOptions::new().append(true).open(&path)?.write_all(b"more")?;
    let other = dir.join("other");
    fs::rename(&path, &other)?;
    println!("renamed: {} {}", path.exists(), fs::read(&other)?.len());
    fs::hard_link(&other, dir.join("hard"))?;
    std::os::unix::fs::symlink("other", dir.join("soft"))?;
    println!("links: {:?} {}", fs::read_link(dir.join("soft"))?, fs::read(dir.join("soft"))?.len());
    fs::remove_file(&other)?;
    println!("left: {} {}", fs::read(dir.join("hard"))?.len(), dir.join("soft").exists());
    println!("{:?}", OpenOptions::new().write(true).create_new(true).open(dir.join("hard")).map_err(|e| e.kind()).err());
    println!("{:?}", fs::read(dir.join("nowhere")).map_err(|e| e.kind()).err());
    println!("{:?}", fs::remove_dir(dir).map_err(|e| e.kind()).err());
    fs::remove_file(dir.join("hard"))?;
    fs::remove_file(dir.join("soft"))
}

fn lines(dir: &Path) -> io::Result<()> {
    let path = dir.join("lines");
    let mut out = BufWriter::new(File::create(&path)?);
    for i in 0..50_000 {
        writeln!(out, "line {i} of many")?;
    }
    out.flush()?;
    let sum: usize = BufReader::new(File::open(&path)?)
        .lines()
        .map(|l| l.unwrap().split(' ').nth(1).unwrap().parse::<usize>().unwrap())
        .sum();
    println!("lines: {sum}, {} bytes", fs::metadata(&path)?.len());
    fs::copy(&path, dir.join("copy"))?;
    println!("copied: {}", fs::metadata(dir.join("copy"))?.len());
    fs::remove_file(dir.join("copy"))?;
    fs::remove_file(path)
}

fn main() -> io::Result<()> {
    let unique = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let dir = std::env::temp_dir().join(format!("kiln-{}-{unique}", std::process::id()));
    fs::create_dir_all(&dir)?;
    tree(&dir)?;
    one_file(&dir)?;
    lines(&dir)?;
    fs::remove_dir(&dir)?;
    println!("{} {}", dir.exists(), Path::new("/dev/null").exists());
    Ok(())
}
