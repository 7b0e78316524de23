//! `message-hub wal check|export|import|repair`. The first two look at a journal without changing it
//! or locking it, so also beside a running hub and on a damaged journal.

mod check;
mod export;
mod import;
mod io_error;
mod output;
mod owed;
mod repair;
mod walk;

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::adapters::private_files;
use crate::config::Config;
use crate::config_file::ConfigFile;
use crate::exit::Exit;
use crate::logic::journal::known_ids::DedupLimits;
use import::ImportError;
use io_error::named;
use output::Output;

pub use check::{Report, SegmentReport, SegmentState, check};
pub use export::{Export, export};
pub use import::import;
pub use owed::export_owed;
pub use repair::{Repair, RepairError, repair};
pub use walk::{Fault, Findings, What};

#[derive(Args, Clone, PartialEq, Debug)]
pub struct WalArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, PartialEq, Debug)]
enum Action {
    /// Read the whole journal as a start of the hub would, and say what is in it.
    Check(ConfigFile),
    /// Write every readable record to standard output as a line of JSON.
    Export(ExportArguments),
    /// Make the journal of a new, empty data_dir of lines that `export` wrote.
    Import(ImportArguments),
    /// Set damaged records aside, so that the hub starts again. No hub may be running on it.
    ///
    /// They are copied into {data_dir}/wal-damaged and named: record, kind and message. Nothing is
    /// done, and the exit is 74, if one of them may still be owed: anything but a message of which
    /// a later record says that it was delivered, died, expired or was cancelled.
    Repair(RepairArguments),
}

#[derive(Args, Clone, PartialEq, Debug)]
struct ExportArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only what is still owed: messages that are not settled, and what stands until it is changed,
    /// such as services, quotas and subscriptions. Of events those from the first on that a
    /// subscription has not got yet.
    #[arg(long)]
    owed: bool,
}

#[derive(Args, Clone, PartialEq, Debug)]
struct ImportArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// What `export` wrote; - is standard input.
    lines: PathBuf,
}

#[derive(Args, Clone, PartialEq, Debug)]
struct RepairArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Also set aside what may still be owed: it is lost.
    #[arg(long)]
    accept_loss: bool,
}

impl Action {
    fn file(&self) -> &ConfigFile {
        match self {
            Self::Check(file) => file,
            Self::Export(arguments) => &arguments.file,
            Self::Import(arguments) => &arguments.file,
            Self::Repair(arguments) => &arguments.file,
        }
    }
}

/// Does what was asked with the journal of the configured `data_dir`. Ends with 74 if there is
/// damage or a file cannot be read or written, told on `log`.
///
/// # Errors
/// If nobody reads `out` any more.
pub fn run(arguments: &WalArguments, out: &mut dyn Write, log: &mut dyn Write) -> io::Result<Exit> {
    let config = match arguments.action.file().load() {
        Ok(loaded) => loaded.config,
        Err(error) => {
            writeln!(log, "{error}")?;
            return Ok(Exit::Usage);
        }
    };
    let mut out = Output::new(out);
    let done = act(&arguments.action, &config, &mut out, log);
    match done.and_then(|exit| out.flush().map(|()| exit)) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            writeln!(log, "{error}")?;
            Ok(Exit::Storage)
        }
        outcome => outcome,
    }
}

fn act(
    action: &Action,
    config: &Config,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> io::Result<Exit> {
    if let Action::Import(arguments) = action {
        return import_lines(&config.storage.data_dir, &arguments.lines, out, log);
    }
    let directory = config.storage.data_dir.join("wal");
    if !directory.is_dir() {
        writeln!(
            log,
            "{}: no journal here; check data_dir",
            directory.display()
        )?;
        return Ok(Exit::Storage);
    }
    let is_good = match action {
        Action::Check(_) => {
            let report = check(&directory)?;
            write!(out, "{report}")?;
            report.is_good()
        }
        Action::Export(arguments) => {
            let export = match arguments.owed {
                true => export_owed(&directory, dedup_limits(config), out),
                false => export(&directory, out),
            }?;
            tell(&export, log)?;
            export.findings.faults.is_empty()
        }
        Action::Repair(arguments) => {
            return repair_journal(&config.storage.data_dir, arguments.accept_loss, out, log);
        }
        Action::Import(_) => unreachable!("done above"),
    };
    Ok(if is_good { Exit::Clean } else { Exit::Storage })
}

fn tell(export: &Export, log: &mut dyn Write) -> io::Result<()> {
    let Findings { faults, cut } = &export.findings;
    for fault in faults {
        writeln!(log, "{fault}")?;
    }
    if let Some(cut) = cut.as_ref().filter(|cut| !cut.zeroes) {
        let (segment, bytes, offset) = (cut.segment.display(), cut.bytes, cut.offset);
        writeln!(
            log,
            "{segment}: left out {bytes} unfinished bytes at {offset}, which the next start cuts off"
        )?;
    }
    for left in &export.left_behind {
        let (subscription, first, last) = (left.subscription, left.first, left.last);
        writeln!(
            log,
            "subscription {subscription}: events {first} to {last} are not in the journal any more \
             and stay behind; it begins after them"
        )?;
    }
    writeln!(log, "{} records", export.records)
}

fn dedup_limits(config: &Config) -> DedupLimits {
    DedupLimits {
        capacity: config.delivery.dedup_capacity,
        age: config.delivery.dedup_window,
    }
}

fn import_lines(
    data_dir: &Path,
    lines: &Path,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> io::Result<Exit> {
    private_files::umask();
    let imported = if lines == Path::new("-") {
        import(data_dir, &mut io::stdin().lock())
    } else {
        let file = File::open(lines).map_err(|error| ImportError::Io(named(lines, &error)));
        file.and_then(|file| import(data_dir, &mut BufReader::new(file)))
    };
    match imported {
        Ok(records) => {
            writeln!(out, "{records} records in {}", data_dir.display())?;
            Ok(Exit::Clean)
        }
        Err(error) => {
            writeln!(log, "nothing was imported: {error}")?;
            Ok(match error {
                ImportError::Io(_) | ImportError::Journal(_) => Exit::Storage,
                _ => Exit::Usage,
            })
        }
    }
}

fn repair_journal(
    data_dir: &Path,
    accept_loss: bool,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> io::Result<Exit> {
    private_files::umask();
    let repair = match repair(data_dir, accept_loss) {
        Ok(repair) => repair,
        Err(error) => {
            writeln!(log, "{error}")?;
            return Ok(Exit::Storage);
        }
    };
    for damage in &repair.damages {
        writeln!(out, "{damage}")?;
    }
    if repair.aside.len() < repair.damages.len() {
        writeln!(
            log,
            "nothing was changed: what is damaged may still be owed; --accept-loss sets it aside all the same"
        )?;
        return Ok(Exit::Storage);
    }
    for aside in &repair.aside {
        writeln!(out, "set aside in {}", aside.display())?;
    }
    let report = check(&data_dir.join("wal"))?;
    if !report.is_good() {
        write!(log, "{report}")?;
        return Ok(Exit::Storage);
    }
    writeln!(out, "the journal is good")?;
    Ok(Exit::Clean)
}
