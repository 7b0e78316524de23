use std::io;

use clap::Parser;
use message_hub::cli::{self, Cli, Command, Exit};

fn main() -> anyhow::Result<Exit> {
    let (mut out, mut log) = (io::stdout(), io::stderr());
    Ok(match Cli::parse().into_command() {
        Command::Serve(_) => anyhow::bail!("serve: not part of this build"),
        Command::CheckConfig(file) => cli::check_config(&file, &mut out, &mut log)?,
        Command::Bench(arguments) => cli::bench::run(&arguments, &mut out, &mut log)?,
    })
}
