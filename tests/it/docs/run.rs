//! Runs the commands of a page as its reader would: all in one shell, in the order of the page.
//!
//! Each page has an address of its own on the loopback, so that all of them may use the same ports
//! at the same time, and a directory of its own.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::blocks::{Blocks, Step, blocks};
use super::lines::{fit, lines};
use super::pages::{Page, pages};
use crate::support::pause;

/// The longest that one page may take.
const TIMEOUT: Duration = Duration::from_secs(240);
/// Names a Python that has what pages load from the network; `scripts/test` makes one.
const PYTHON: &str = "HUB_TEST_PYTHON";
/// The variable in which pages keep the directory of such a Python.
const TOOLS: &str = "$tools";
/// What the shell says at the end of each block.
const END: &str = "\n== the block ends ==\n";

/// A page that is being run.
struct Running {
    process: Child,
    place: TempDir,
    steps: Vec<Step>,
    address: String,
}

/// What the binary and the addresses of a page are in this test.
fn in_this_test(text: &str, address: &str) -> String {
    text.replace("localhost:", &format!("{address}:"))
        .replace("127.0.0.1", address)
        .replace(
            "target/release/message-hub",
            env!("CARGO_BIN_EXE_message-hub"),
        )
}

fn script(steps: &[Step], address: &str) -> String {
    let mut script = String::new();
    for step in steps {
        script.push_str(&in_this_test(&step.commands, address));
        script.push_str(&format!("printf '{}'\n", END.replace('\n', "\\n")));
    }
    script
}

/// A Python's environment that the page may take away in the end: links to the real one.
fn lend_tools(python: &Path, place: &Path) -> PathBuf {
    let tools = place.join("tools");
    fs::create_dir(&tools).unwrap();
    let environment = python.parent().and_then(Path::parent);
    let environment = environment.expect("a Python lies in the bin of its environment");
    for part in ["bin", "lib", "pyvenv.cfg"] {
        symlink(environment.join(part), tools.join(part)).unwrap();
    }
    tools
}

impl Running {
    fn start(steps: Vec<Step>, address: String, python: Option<&Path>) -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("script"), script(&steps, &address)).unwrap();
        let file = |name: &str| File::create(place.path().join(name)).unwrap();
        let mut command = Command::new("bash");
        command
            .arg("script")
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", place.path())
            .env("TMPDIR", place.path())
            .env("MESSAGE_HUB_HOST", &address)
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            // What the page leaves running is found by its group.
            .process_group(0);
        if let Some(python) = python {
            command.env("tools", lend_tools(python, place.path()));
        }
        Self {
            process: command.spawn().expect("pages need bash"),
            place,
            steps,
            address,
        }
    }

    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.place.path().join(name)).unwrap_or_default()
    }

    /// What of the page is not so.
    fn problems(mut self, given_up_at: Instant) -> Vec<String> {
        while self.process.try_wait().unwrap().is_none() && Instant::now() < given_up_at {
            pause();
        }
        let stdout = self.said("stdout");
        let mut outputs: Vec<&str> = stdout.split(END).collect();
        let unfinished = outputs.pop().unwrap_or_default();
        let mut problems = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let Some(output) = outputs.get(index) else {
                problems.push(format!("{}: never ended; it said\n{unfinished}", step.line));
                break;
            };
            let (said, expected) = (lines(output), self.expected(step));
            if !fit(&expected, &said) {
                let (expected, said) = (expected.join("\n"), said.join("\n"));
                let line = step.line;
                problems.push(format!(
                    "{line}: the page says\n{expected}\nbut it was\n{said}"
                ));
            }
        }
        if !problems.is_empty() {
            problems.push(format!("standard error was\n{}", self.said("stderr")));
        }
        problems
    }

    fn expected(&self, step: &Step) -> Vec<String> {
        let expected = step.expected.iter();
        expected
            .map(|line| in_this_test(line, &self.address))
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where nothing was left.
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let _ = self.process.wait();
    }
}

/// An address of the loopback that no other page has, nor one of another run of this test.
fn address(index: usize) -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{low}.{}", 64 | (high & 63), index + 1)
}

/// What of each page is not so, each with page and line.
fn all_problems(pages: Vec<(String, Vec<Step>)>) -> Vec<String> {
    let python = env::var_os(PYTHON).map(PathBuf::from);
    let given_up_at = Instant::now() + TIMEOUT;
    let start = |(index, (path, steps)): (usize, (String, Vec<Step>))| {
        (
            path,
            Running::start(steps, address(index), python.as_deref()),
        )
    };
    let running: Vec<_> = pages.into_iter().enumerate().map(start).collect();
    let problems = running.into_iter().flat_map(|(path, page)| {
        let problems = page.problems(given_up_at).into_iter();
        problems.map(move |problem| format!("{path}:{problem}"))
    });
    problems.collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "nobody should think it was checked")]
fn the_commands_of_the_pages_answer_what_the_pages_say() {
    let mut run = Vec::new();
    for page in pages().into_iter().filter(Page::is_run) {
        let Blocks { steps, .. } =
            blocks(&page.text).unwrap_or_else(|problem| panic!("{}:{problem}", page.path));
        assert!(!steps.is_empty(), "{}: nothing to run", page.path);
        if page.text.contains(TOOLS) && env::var_os(PYTHON).is_none() {
            eprintln!("skipped: {}, as {PYTHON} names no Python for it", page.path);
            continue;
        }
        run.push((page.path, steps));
    }
    let problems = all_problems(run);
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn what_a_page_says_wrongly_is_found() {
    let page = "```sh\necho one; sleep 60 &\n```\n```\none\n```\n```sh\necho two\n```\n```\n2\n```\n\
        ```sh\nexit\n```\n";
    let Blocks { steps, .. } = blocks(page).unwrap();
    let mut problems = all_problems(vec![("page".to_owned(), steps)]);
    problems.pop();
    let ended = "page:13: never ended; it said\n";
    assert_eq!(
        problems,
        ["page:7: the page says\n2\nbut it was\ntwo", ended]
    );
}
