//! PostgreSQL for tests: a database for each, on a server that all share or on one of its own.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io};

use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::TestHub;
use super::authority::Identity;

/// Names a server with a user who may make databases; `scripts/test` starts one.
const SHARED: &str = "HUB_TEST_POSTGRES";

static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A server that ends with this value, or with this process.
pub(crate) struct Server {
    programs: PathBuf,
    directory: TempDir,
    /// What it is started with besides.
    options: String,
    port: u16,
    keeper: Option<Child>,
}

/// The URL of a new, empty database; nothing where no PostgreSQL is installed.
pub(crate) fn database() -> Option<String> {
    let base = match env::var(SHARED) {
        Ok(url) => url,
        Err(_) => SERVER.get_or_init(Server::start).as_ref()?.url(),
    };
    Some(new_database(&base))
}

fn new_database(base: &str) -> String {
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("hub_{}_{number}", std::process::id());
    let create = format!("CREATE DATABASE {name}");
    block_on(async {
        let client = Client::connect(&format!("{base}/postgres")).await;
        client.execute(&create).await;
    });
    format!("{base}/{name}")
}

/// The one number that `sql` asks for.
pub(crate) fn number(url: &str, sql: &str) -> i64 {
    block_on(async { Client::connect(url).await.number(sql).await })
}

/// What an operator would say to a database.
pub(crate) fn execute(url: &str, sql: &str) {
    block_on(async { Client::connect(url).await.execute(sql).await });
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

/// Somebody else who uses a database.
pub(crate) struct Client(tokio_postgres::Client);

impl Client {
    pub(crate) async fn connect(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.0.batch_execute(sql).await.unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.0.query_one(sql, &[]).await.unwrap().get(0)
    }
}

impl Server {
    /// Nothing where no PostgreSQL is installed.
    pub(crate) fn start() -> Option<Self> {
        let server = Self::new()?;
        Some(server.started())
    }

    /// One for a hub alone, which is given settings besides the address of its database.
    pub(crate) fn with_hub(settings: &[(&str, &str)]) -> Option<(Self, String, TestHub)> {
        let server = Self::start()?;
        let url = server.database();
        let settings = [&[("database_url", url.as_str())], settings].concat();
        let hub = TestHub::with(&settings);
        Some((server, url, hub))
    }

    /// One that speaks TLS, and lets in whom `rules` say (the lines of its `pg_hba.conf`).
    pub(crate) fn with_tls(identity: &Identity, rules: &str) -> Option<Self> {
        let mut server = Self::new()?;
        let (certificate, key) = (server.path("server.crt"), server.path("server.key"));
        for (file, content) in [
            (&certificate, identity.certificate.as_str()),
            (&key, &identity.key),
            (&server.path("data/pg_hba.conf"), rules),
        ] {
            fs::write(file, content).unwrap();
            // Or it takes no such key.
            fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
            give_away(Path::new(file));
        }
        server.options = format!("-c ssl=on -c ssl_cert_file={certificate} -c ssl_key_file={key}");
        Some(server.started())
    }

    fn new() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("not run: no PostgreSQL in /usr/lib/postgresql, and no {SHARED}");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        give_away(directory.path());
        let server = Self {
            programs,
            directory,
            options: String::new(),
            port: free_port(),
            keeper: None,
        };
        server.run(
            "initdb",
            &["-A", "trust", "-U", "hub", "-E", "UTF8", "--locale=C", "-N"],
        );
        Some(server)
    }

    fn started(mut self) -> Self {
        self.keeper = Some(self.keep());
        self.go_on();
        self
    }

    /// Without a database: that has to be added.
    pub(crate) fn url(&self) -> String {
        format!("postgresql://hub:secret-word@127.0.0.1:{}", self.port)
    }

    pub(crate) fn database(&self) -> String {
        new_database(&self.url())
    }

    /// Starts it again after [`Server::crash`].
    pub(crate) fn go_on(&self) {
        let sockets = self.directory.path().display();
        let (port, more) = (self.port, &self.options);
        // Nothing is synced: tests end processes, not the machine.
        let options =
            format!("-F -h 127.0.0.1 -p {port} -k {sockets} -c max_connections=200 {more}");
        self.run(
            "pg_ctl",
            &["start", "-w", "-s", "-l", &self.path("log"), "-o", &options],
        );
    }

    /// Ends it at once, connections and all.
    pub(crate) fn crash(&self) {
        self.run("pg_ctl", &["stop", "-w", "-s", "-m", "immediate"]);
    }

    /// It answers nobody any more, and lets nobody go either, or it does again.
    pub(crate) fn hang(&self, hangs: bool) {
        let file = fs::read_to_string(self.path("data/postmaster.pid")).unwrap();
        let master = file.lines().next().unwrap().to_owned();
        let mut processes = vec![master.clone()];
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
            if parent.is_some_and(|parent| parent.trim() == master) {
                processes.push(entry.file_name().into_string().unwrap());
            }
        }
        let signal = if hangs { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill").arg(signal).args(&processes).status();
        assert!(sent.unwrap().success());
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = self.command(program);
        let output = command.arg("-D").arg(self.path("data")).args(arguments);
        let output = output
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        assert!(output.success(), "{program}: {output}\n{log}");
    }

    /// Stops the server when its standard input ends, which it does with this process.
    fn keep(&self) -> Child {
        let stop = format!(
            "cat > /dev/null; '{}' stop -s -m immediate -D '{}'; rm -rf '{}'",
            self.programs.join("pg_ctl").display(),
            self.path("data"),
            self.directory.path().display(),
        );
        let mut command = self.command("/bin/sh");
        let command = command.args(["-c", &stop]).stdin(Stdio::piped());
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Such a server refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.directory.path());
        command
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

/// Where the newest installed version has its programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let programs = programs.filter(|path| path.join("initdb").exists());
    programs.max()
}

/// Makes it the server's own.
fn give_away(path: &Path) {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("chown");
        let given = command.arg("postgres").arg(path).status().unwrap();
        assert!(given.success(), "{given}");
    }
}

fn free_port() -> u16 {
    let free = || -> io::Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
    free().unwrap()
}
