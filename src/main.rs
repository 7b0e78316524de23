use std::io::{self, Write};

use clap::Parser;
use message_hub::cli::{self, Cli, Command, Exit};
use message_hub::runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Exit {
    run(Cli::parse().into_command()).unwrap_or_else(|error| {
        // Nothing is left to do if even this cannot be written.
        let _ = writeln!(io::stderr(), "{error:#}");
        Exit::Internal
    })
}

fn run(command: Command) -> anyhow::Result<Exit> {
    let (mut out, mut log) = (io::stdout(), io::stderr());
    Ok(match command {
        Command::Serve(file) => serve(&file, &mut log)?,
        Command::CheckConfig(file) => cli::check_config(&file, &mut out, &mut log)?,
        Command::Wal(arguments) => cli::wal::run(&arguments, &mut out, &mut log)?,
        Command::Bench(arguments) => cli::bench::run(&arguments, &mut out, &mut log)?,
    })
}

fn serve(file: &cli::ConfigFile, log: &mut dyn Write) -> io::Result<Exit> {
    let loaded = match file.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            writeln!(log, "{error}")?;
            return Ok(Exit::Usage);
        }
    };
    match runtime::serve(&loaded) {
        Ok(exit) => Ok(exit),
        Err(error) => {
            writeln!(log, "{error}")?;
            Ok(error.exit())
        }
    }
}
