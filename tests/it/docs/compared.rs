//! Each reference has what the code has, no more and no less.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::code::{lines_of_the_log, numbers_of_exits, series};
use super::pages::{pages, read};
use super::tables::{differences, first_cells, named, rows};
use crate::support::TestHub;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];
/// What another protocol carries, told in the reference of deliveries.
const NO_FRAMES: [&str; 2] = ["callback", "push"];

/// The keys of the configuration, and those of `limits`, as its manual has them. A key that is not
/// set stands there as a comment, with a value of one word.
fn configuration_keys(manual: &str) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    let mut section = "";
    for line in manual.lines() {
        let comment = line.strip_prefix("# ");
        let inner = line.strip_prefix("  ");
        let Some((key, value)) = comment.or(inner).unwrap_or(line).split_once(':') else {
            continue;
        };
        let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'_');
        let is_prose = comment.is_some() && value.split_whitespace().count() != 1;
        if key.is_empty() || !key.bytes().all(is_name) || is_prose {
            continue;
        }
        if inner.is_none() {
            section = key;
            keys.insert(key);
        } else if section == "limits" {
            keys.insert(key);
        }
    }
    keys
}

#[test]
fn every_key_of_the_configuration_is_listed() {
    let (manual, page) = (
        read("config/config.yaml"),
        read("docs/reference/configuration.md"),
    );
    let listed = rows(&page).filter(|cells| cells.len() == 2);
    let listed = listed.flat_map(|cells| named(cells[1]).collect::<Vec<_>>());
    let difference = differences(&configuration_keys(&manual), &listed.collect());
    assert_eq!(
        difference,
        (vec![], vec![]),
        "missing, and not in the manual"
    );
}

/// The routes that a page names, such as `GET, PUT /v1/x`.
fn routes_of_page(page: &str) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for name in named(page) {
        let Some((methods, path)) = name.split_once(" /") else {
            continue;
        };
        let methods: Vec<&str> = methods.split(", ").collect();
        if methods.iter().all(|method| METHODS.contains(method)) {
            routes.extend(methods.iter().map(|method| format!("{method} /{path}")));
        }
    }
    routes
}

fn routes_of_hub(openapi: &Value) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for (path, item) in openapi["paths"].as_object().unwrap() {
        let of_path = METHODS
            .iter()
            .filter(|method| !item[method.to_lowercase()].is_null());
        routes.extend(of_path.map(|method| format!("{method} {path}")));
    }
    routes
}

/// The codes, each with the statuses it comes with.
type Codes = BTreeSet<(String, String)>;

fn codes(table: &str) -> Codes {
    let mut codes = Codes::new();
    for cells in rows(table).filter(|cells| cells.len() > 2) {
        let code = cells[0].trim_matches('`');
        let statuses = cells[1].split(", ");
        let numbers = statuses.filter(|status| status.parse::<u16>().is_ok());
        codes.extend(numbers.map(|status| (code.to_owned(), status.to_owned())));
    }
    codes
}

#[test]
fn every_route_code_and_frame_is_in_its_reference() {
    let hub = TestHub::start();
    let openapi = hub.get("/openapi.json").is(200);
    let page = read("docs/reference/routes.md");
    let difference = differences(&routes_of_hub(&openapi), &routes_of_page(&page));
    assert_eq!(
        difference,
        (vec![], vec![]),
        "routes that are missing, and invented"
    );

    let code = &openapi["components"]["schemas"]["ErrorCode"];
    let of_hub = codes(code["description"].as_str().unwrap());
    let named_by_hub: BTreeSet<_> = of_hub.iter().map(|(code, _)| code.as_str()).collect();
    let known = code["enum"].as_array().unwrap().iter();
    assert_eq!(
        known
            .map(|code| code.as_str().unwrap())
            .collect::<BTreeSet<_>>(),
        named_by_hub
    );
    let difference = differences(&of_hub, &codes(&read("docs/reference/errors.md")));
    assert_eq!(
        difference,
        (vec![], vec![]),
        "codes that are missing, and invented"
    );

    let asyncapi = hub.get("/asyncapi.json").is(200);
    let page = read("docs/reference/frames.md");
    let told: BTreeSet<&str> = named(&page).collect();
    for frame in asyncapi["components"]["messages"]
        .as_object()
        .unwrap()
        .keys()
    {
        let is_told = NO_FRAMES.contains(&frame.as_str()) || told.contains(frame.as_str());
        assert!(is_told, "the frame {frame} is missing");
    }
}

/// The options of a command, and the commands below it, as its help has them.
fn help(words: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_message-hub"));
    let output = command.args(words).arg("-h").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut options, mut commands, mut is_command) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        if line.ends_with(':') && !line.starts_with(' ') {
            is_command = line == "Commands:";
        }
        let Some(first) = line
            .split_whitespace()
            .find(|word| *word != "-h," && *word != "-V,")
        else {
            continue;
        };
        if first.starts_with("--") {
            options.push(first.to_owned());
        } else if is_command && line.starts_with("  ") && first != "help" {
            commands.push(first.to_owned());
        }
    }
    (options, commands)
}

/// Every command, with its options.
fn commands() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(words) = open.pop() {
        let (options, below) = help(&words.iter().map(String::as_str).collect::<Vec<_>>());
        open.extend(
            below
                .into_iter()
                .map(|word| [words.as_slice(), &[word]].concat()),
        );
        let name = [&["message-hub".to_owned()], words.as_slice()].concat();
        found.insert(name.join(" "), options);
    }
    found
}

#[test]
fn every_command_is_in_its_reference() {
    let page = read("docs/reference/command-line.md");
    let commands = commands();
    assert!(commands.len() > 8, "{commands:?}");
    let is_word = |word: &&str| {
        word.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let told = first_cells(&page)
        .into_iter()
        .filter(|name| name.starts_with("message-hub"));
    let told: BTreeSet<String> = told
        .map(|name| {
            let words = name
                .split(' ')
                .take_while(|word| is_word(word) && !word.starts_with("--"));
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let difference = differences(&commands.keys().cloned().collect(), &told);
    assert_eq!(
        difference,
        (vec![], vec![]),
        "commands that are missing, and invented"
    );
    let told: BTreeSet<&str> = named(&page).flat_map(|name| name.split(' ')).collect();
    for (command, options) in commands {
        let missing: Vec<_> = options
            .iter()
            .filter(|option| !told.contains(option.as_str()))
            .collect();
        assert!(missing.is_empty(), "{command}: {missing:?}");
    }
    let exits = rows(&page)
        .filter_map(|cells| cells[0].parse::<u8>().ok())
        .collect();
    let difference = differences(&numbers_of_exits(), &exits);
    assert_eq!(
        difference,
        (vec![], vec![]),
        "exit codes that are missing, and invented"
    );
}

/// The names of series in a text.
fn series_in(text: &str) -> BTreeSet<&str> {
    let is_of_a_name = |c: char| c == '_' || c.is_ascii_lowercase();
    let names = text.match_indices("message_hub_").map(|(at, _)| {
        let rest = &text[at..];
        &rest[..rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len())]
    });
    names.collect()
}

#[test]
fn every_series_is_described_and_none_is_invented() {
    let series = series();
    assert!(series.len() > 50, "{series:?}");
    let page = read("docs/reference/metrics.md");
    let described = first_cells(&page);
    let described: BTreeSet<&str> = described
        .into_iter()
        .map(|name| name.split('{').next().unwrap_or(name))
        .filter(|name| name.starts_with("message_hub_"))
        .collect();
    let names: BTreeSet<&str> = series.iter().map(String::as_str).collect();
    let difference = differences(&names, &described);
    assert_eq!(
        difference,
        (vec![], vec![]),
        "series that are missing, and invented"
    );
    for page in pages() {
        let (_, invented) = differences(&names, &series_in(&page.text));
        assert!(invented.is_empty(), "{}: {invented:?}", page.path);
    }
}

#[test]
fn every_line_of_the_log_that_tells_of_something_wrong_is_described() {
    let page = read("docs/guides/what-the-log-says.md");
    let lines = lines_of_the_log();
    assert!(lines.len() > 40, "{lines:?}");
    let missing: Vec<_> = lines
        .iter()
        .filter(|line| !page.contains(&format!("`{line}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The crates that a manifest asks for, also for its tests.
fn dependencies(manifest: &str) -> BTreeSet<&str> {
    let mut is_asked_for = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_asked_for = line.ends_with("dependencies]");
        } else if is_asked_for {
            names.extend(line.split_once(" = ").map(|(name, _)| name));
        }
    }
    names
}

#[test]
fn every_dependency_has_a_reason() {
    let (manifest, page) = (read("Cargo.toml"), read("docs/explanation/dependencies.md"));
    let told = rows(&page).filter(|cells| cells.len() == 3);
    let told = told.flat_map(|cells| named(cells[1]).collect::<Vec<_>>());
    let difference = differences(&dependencies(&manifest), &told.collect());
    assert_eq!(difference, (vec![], vec![]), "missing, and not asked for");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_those_of_the_crate_and_of_its_tests() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb = { version = \"2\" }\n\
            # why\n[dev-dependencies]\na = \"1\"\nc = \"3\"\n[lints]\nd = \"warn\"\n";
        assert_eq!(dependencies(manifest), BTreeSet::from(["a", "b", "c"]));
    }

    #[test]
    fn keys_are_those_of_the_manual_and_of_its_limits() {
        let manual = "# Prose: x\n# again: at once.\nhost: x\n#   disk: synced\nlimits:\n  quotas: 1\n  \
            bytes: 2\npatience:\n  high: 10\n# tls_ca_file: /etc\n";
        let keys = [
            "bytes",
            "host",
            "limits",
            "patience",
            "quotas",
            "tls_ca_file",
        ];
        assert_eq!(configuration_keys(manual), BTreeSet::from(keys));
    }

    #[test]
    fn routes_are_read_method_by_method() {
        let page = "| `GET, PUT /a/{b}` (also `POST /c`) | `service priority`, `/d` |";
        let routes = ["GET /a/{b}", "POST /c", "PUT /a/{b}"].map(str::to_owned);
        assert_eq!(routes_of_page(page), BTreeSet::from(routes));
    }

    #[test]
    fn codes_are_read_status_by_status() {
        let table =
            "| code | status | when |\n|---|---|---|\n| `A` | 400, 415 | x |\n| B | 404 | y |\n";
        let code = |code: &str, status: &str| (code.to_owned(), status.to_owned());
        let expected = [code("A", "400"), code("A", "415"), code("B", "404")];
        assert_eq!(codes(table), BTreeSet::from(expected));
    }

    #[test]
    fn series_are_found_in_any_text() {
        let text = "`message_hub_up{x}` and message_hub_down_total == 1";
        let names = ["message_hub_down_total", "message_hub_up"];
        assert_eq!(series_in(text), BTreeSet::from(names));
    }
}
