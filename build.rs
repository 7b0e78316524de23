//! Writes the names of the modules down, so that a log filter that names one can be checked.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=build.rs");
    // A file of the page that is new is embedded, too; a debug build reads them as they are.
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=static");
    }
    let mut modules = Vec::new();
    collect(Path::new("src"), "message_hub", &mut modules)?;
    modules.sort();
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    let file = Path::new(&out).join("modules.txt");
    fs::write(file, modules.join("\n"))
}

/// A module is a file; what it has inside lies in the directory of its name.
fn collect(directory: &Path, parent: &str, modules: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if ["lib", "main", "tests"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, &format!("{parent}::{name}"), modules)?;
        } else if is_source {
            modules.push(format!("{parent}::{name}"));
        }
    }
    Ok(())
}
