//! The command line: `message-hub [serve] | check-config | wal | bench`.

pub mod bench;
pub mod licences;
pub mod wal;

use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::Loaded;
use crate::config_file::ConfigFile;
use crate::exit::Exit;
use crate::opening;

/// A message hub: durable messages, service discovery, circuits and retries in one binary.
#[derive(Parser, Debug)]
#[command(name = "message-hub", version)]
pub struct Cli {
    #[command(flatten)]
    config_file: ConfigFile,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Clone, PartialEq, Debug)]
pub enum Command {
    /// Run the hub (what happens without a command).
    Serve(ConfigFile),
    /// Say what configuration is in force, or what is wrong with it.
    CheckConfig(ConfigFile),
    /// Print the notices of the works of others that are in the binary.
    Licences,
    /// Check the journal, or rescue what is in it.
    Wal(wal::WalArguments),
    /// Measure a hub: throughput, latency, processor time and memory.
    Bench(bench::BenchArguments),
}

impl Cli {
    /// # Errors
    /// A configuration file that the command has no use for, or a second one.
    pub fn into_command(self) -> Result<Command, clap::Error> {
        let Some(mut command) = self.command else {
            return Ok(Command::Serve(self.config_file));
        };
        let Some(before) = self.config_file.config else {
            return Ok(command);
        };
        // What stands before the command is meant for it.
        match &mut command {
            Command::Serve(file) | Command::CheckConfig(file) if file.config.is_none() => {
                file.config = Some(before);
                Ok(command)
            }
            _ => Err(Self::command().error(
                ErrorKind::ArgumentConflict,
                "--config before the command: this command does not take it there, or has one itself",
            )),
        }
    }
}

/// Prints the configuration in force to `out`, or what is wrong with it to `log`.
pub fn check_config(
    file: &ConfigFile,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> io::Result<Exit> {
    match file.load() {
        Ok(Loaded {
            config, warnings, ..
        }) => {
            for warning in warnings {
                writeln!(log, "warning: {warning}")?;
            }
            for key in config.unused() {
                writeln!(log, "warning: {key}: set, but not used by this version")?;
            }
            if let Err(error) = opening::check(&config) {
                writeln!(log, "{error}")?;
                return Ok(error.exit());
            }
            write!(out, "OK\n{config}")?;
            Ok(Exit::Clean)
        }
        Err(error) => {
            writeln!(log, "{error}")?;
            Ok(Exit::Usage)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config_file::USUAL_FILE;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(line.split(' ')).and_then(Cli::into_command)
    }

    fn file(path: &str) -> ConfigFile {
        ConfigFile {
            config: Some(path.into()),
        }
    }

    #[test]
    fn serves_without_a_command() {
        let no_file = ConfigFile { config: None };
        assert_eq!(parse("message-hub").unwrap(), Command::Serve(no_file));
        for line in [
            "message-hub --config x",
            "message-hub serve --config x",
            "message-hub --config x serve",
        ] {
            assert_eq!(parse(line).unwrap(), Command::Serve(file("x")), "{line}");
        }
        for line in [
            "message-hub check-config --config x",
            "message-hub --config x check-config",
        ] {
            let check = Command::CheckConfig(file("x"));
            assert_eq!(parse(line).unwrap(), check, "{line}");
        }
    }

    #[test]
    fn bad_arguments_end_with_2() {
        for line in [
            "message-hub dance",
            "message-hub serve --port 1",
            "message-hub --config x serve --config x",
            "message-hub --config x licences",
            "message-hub --config x wal check",
            "message-hub bench --mode fly",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        assert_eq!(parse("message-hub --version").unwrap_err().exit_code(), 0);
    }

    #[test]
    fn check_config_prints_what_is_in_force() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(USUAL_FILE);
        let (mut out, mut log) = (Vec::new(), Vec::new());
        let file = ConfigFile {
            config: Some(shipped),
        };
        assert_eq!(
            check_config(&file, &mut out, &mut log).unwrap(),
            Exit::Clean
        );
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with("OK\nhost: \"127.0.0.1\"\n"), "{out}");
        assert!(log.is_empty());
    }

    #[test]
    fn check_config_ends_with_2_when_something_is_wrong() {
        let (mut out, mut log) = (Vec::new(), Vec::new());
        let exit = check_config(&file("/no/such.yaml"), &mut out, &mut log).unwrap();
        assert_eq!(exit, Exit::Usage);
        assert!(String::from_utf8(log).unwrap().contains("/no/such.yaml"));
        assert!(out.is_empty());
    }
}
