use std::io::{self, Write};

use clap::Parser;
use message_hub::cli::{self, Cli, Command, Exit};

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
        Command::Serve(_) => anyhow::bail!("serve: not part of this build"),
        Command::CheckConfig(file) => cli::check_config(&file, &mut out, &mut log)?,
        Command::Bench(arguments) => cli::bench::run(&arguments, &mut out, &mut log)?,
    })
}
