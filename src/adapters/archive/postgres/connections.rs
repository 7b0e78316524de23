//! The connections to one PostgreSQL database. One that failed is thrown away.

use std::error::Error;
use std::time::Duration;

use diesel::prelude::{ConnectionError, ConnectionResult, QueryResult};
use diesel::sql_query;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_postgres::Socket;
use tokio_postgres::config::Config;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::ssl_mode::{self, SslMode};
use super::tables;
use crate::adapters::archive::opening::may_open;
use crate::adapters::archive::sql::unavailable;
use crate::adapters::tls::{self, Trust};
use crate::ports::archive::ArchiveError;

/// How long to connect may take, log-in included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long without a sign of life from the server a connection is broken.
const DEAD_AFTER: Duration = Duration::from_secs(10);
/// A connection that was never used is not tried again, so this many were closed one after the
/// other.
const MOST_TRIES: u32 = 4;
/// The server gives a statement up when nobody waits for it any more. And it looks at the values
/// each time: after a few times it would plan for any value alike, and read a whole table to find
/// the few rows of a service of which it expects many. Servers before version 12 have no such word.
const SESSION: &str = "RESET lock_timeout; SET statement_timeout = '30s'; \
    SELECT set_config(name, 'force_custom_plan', false) FROM pg_settings \
    WHERE name = 'plan_cache_mode'";

#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool<AsyncPgConnection>,
}

impl Connections {
    /// At most so many; connects to nothing yet. Fails with [`ArchiveError::CannotOpen`], which
    /// never shows the password.
    pub(super) fn new(url: &str, trust: &Trust, most: usize) -> Result<Self, ArchiveError> {
        let server = Server::new(url, trust).map_err(ArchiveError::CannotOpen)?;
        let mut manager = ManagerConfig::default();
        manager.recycling_method = RecyclingMethod::Fast;
        manager.custom_setup = Box::new(move |_| connect(server.clone()).boxed());
        // The address is in `server`; diesel's own need not know it.
        let manager = AsyncDieselConnectionManager::new_with_config("", manager);
        let pool = Pool::builder(manager).max_size(most).build();
        let pool = pool.map_err(|error| ArchiveError::CannotOpen(error.to_string()))?;
        Ok(Self { pool })
    }

    /// Runs `work` on a free connection, and again on another if it was the connection that failed
    /// after it had been idle: servers and what lies between close such connections, which says
    /// nothing of the database. Others may give closed ones back meanwhile, so once may not do.
    pub(super) async fn run<T>(
        &self,
        work: impl for<'c> Fn(&'c mut AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>>,
    ) -> Result<T, ArchiveError> {
        let mut tries = 1;
        loop {
            let connection = self.pool.get().await;
            let mut connection = Borrowed {
                connection: Some(connection.map_err(|error| self.lost(error))?),
            };
            let result = work(connection.get()).await;
            if result.is_ok() {
                connection.give_back();
                return result.map_err(|error| unavailable(&error));
            }
            let is_stale = connection.was_used() && connection.is_lost().await;
            drop(connection);
            // The others are hardly better, and a new one looks after its tables.
            self.pool.retain(|_, _| false);
            if !is_stale || tries == MOST_TRIES {
                return result.map_err(|error| unavailable(&error));
            }
            tries += 1;
        }
    }

    fn lost(&self, error: PoolError) -> ArchiveError {
        self.pool.retain(|_, _| false);
        match error {
            PoolError::Backend(error) => unavailable(&error),
            other => unavailable(&other),
        }
    }
}

/// A connection that is closed unless it is given back: what was given up half-way, in the middle
/// of an answer, is of no more use.
struct Borrowed {
    connection: Option<Object<AsyncPgConnection>>,
}

impl Borrowed {
    fn get(&mut self) -> &mut AsyncPgConnection {
        self.connection
            .as_mut()
            .expect("given back only at the end")
    }

    fn give_back(mut self) {
        self.connection = None;
    }

    /// Whether it waited in the pool before.
    fn was_used(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| Object::metrics(connection).recycle_count > 0)
    }

    /// Whether nothing goes over it any more, so that it was not the statement that failed.
    async fn is_lost(&mut self) -> bool {
        sql_query("SELECT 1").execute(self.get()).await.is_err()
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

/// Where the database is, and how it is spoken to.
#[derive(Clone)]
struct Server {
    config: Config,
    mode: SslMode,
    tls: MakeRustlsConnect,
}

impl Server {
    fn new(url: &str, trust: &Trust) -> Result<Self, String> {
        let (url, mode) = ssl_mode::split(url)?;
        let mut config = parse(&url)?;
        config.ssl_mode(mode.on_the_wire());
        let tls = MakeRustlsConnect::new(mode.client(trust)?);
        Ok(Self { config, mode, tls })
    }

    /// As other clients do it: with `prefer` again without TLS, if it is that which fails.
    async fn connect(mut self) -> Result<Connected, tokio_postgres::Error> {
        match self.config.connect(self.tls.clone()).await {
            Err(error) if self.mode == SslMode::Prefer && ssl_mode::is_refused(&error) => {
                self.config.ssl_mode(SslMode::Disable.on_the_wire());
                self.config.connect(self.tls).await
            }
            connected => connected,
        }
    }
}

type Connected = (
    tokio_postgres::Client,
    tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>,
);

fn parse(url: &str) -> Result<Config, String> {
    // The parser's own words may repeat a part of a password.
    let advice = "database_url: not an address of PostgreSQL; write \
        postgresql://USER:PASSWORD@HOST:5432/DATABASE, with %40 for @, %3A for : and %2F for / in \
        user and password";
    let mut config: Config = url.parse().map_err(|_| advice)?;
    if config.get_hosts().is_empty() || config.get_user().is_none() {
        return Err(advice.to_owned());
    }
    if config.get_application_name().is_none() {
        config.application_name("message-hub");
    }
    config
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(DEAD_AFTER)
        .keepalives_idle(DEAD_AFTER);
    Ok(config)
}

async fn connect(server: Server) -> ConnectionResult<AsyncPgConnection> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, open(server)).await;
    let late = || format!("no connection within {CONNECT_TIMEOUT:?}");
    connected
        .unwrap_or_else(|_| Err(late()))
        .map_err(ConnectionError::BadConnection)
}

async fn open(server: Server) -> Result<AsyncPgConnection, String> {
    may_open(server.config.get_dbname().unwrap_or_default()).map_err(|error| error.to_string())?;
    let (client, connection) = server.connect().await.map_err(|error| cause(&error))?;
    let connection = AsyncPgConnection::try_from_client_and_connection(client, connection);
    let connection = connection.await.map_err(|error| error.to_string())?;
    let mut connection = tables::brought_up_to_date(connection).await?;
    let prepared = connection.batch_execute(SESSION).await;
    prepared.map_err(|error| error.to_string())?;
    Ok(connection)
}

/// What went wrong, to its root, and what to do about it.
fn cause(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        let handshake = deeper.downcast_ref().and_then(tls::in_words);
        words = format!(
            "{words}: {}",
            handshake.unwrap_or_else(|| deeper.to_string())
        );
        source = deeper.source();
    }
    if let Some(said) = error.as_db_error() {
        words = said.to_string();
    }
    let advice = match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD => {
            "; check user and password in database_url"
        }
        Some(code) if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "; let the user of database_url in (pg_hba.conf)"
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            "; create it, or name another in database_url"
        }
        _ if ssl_mode::is_missing(error) => {
            "; set ssl = on there, or another sslmode in database_url"
        }
        _ => "",
    };
    words + advice
}
