use std::io::{self, Write};

use clap::Parser;
use message_hub::cli::{self, Cli, Command};
use message_hub::config_file::ConfigFile;
use message_hub::exit::Exit;
use message_hub::{runtime, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Exit {
    let command = Cli::parse().into_command();
    run(command.unwrap_or_else(|error| error.exit())).unwrap_or_else(|error| {
        let io_error = error.downcast_ref::<io::Error>();
        // Whoever reads has seen enough, such as `head`.
        if io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return Exit::Clean;
        }
        telemetry::last_words(&format!("{error:#}"));
        Exit::Internal
    })
}

fn run(command: Command) -> anyhow::Result<Exit> {
    let mut out = io::stdout();
    let mut log = Unheard(io::stderr());
    Ok(match command {
        Command::Serve(file) => serve(&file),
        Command::Licences => cli::licences::run(&mut out)?,
        Command::CheckConfig(file) => cli::check_config(&file, &mut out, &mut log)?,
        Command::Wal(arguments) => cli::wal::run(&arguments, &mut out, &mut log)?,
        Command::Bench(arguments) => cli::bench::run(&arguments, &mut out, &mut log)?,
    })
}

fn serve(file: &ConfigFile) -> Exit {
    let loaded = match file.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            telemetry::last_words(&error.to_string());
            return Exit::Usage;
        }
    };
    runtime::serve(&loaded, file).unwrap_or_else(|error| {
        telemetry::last_words(&error.to_string());
        error.exit()
    })
}

/// Standard error, where what cannot be written changes nothing: the exit code says how it went.
struct Unheard(io::Stderr);

impl Write for Unheard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}
