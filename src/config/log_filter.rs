//! What is logged, in words that are checked: a misspelt level would silence everything.

use super::nearest::nearest;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
/// Whoever writes into the log: the hub and what it is made of.
const CRATES: [&str; 22] = [
    "message_hub",
    "actix",
    "actix_codec",
    "actix_http",
    "actix_rt",
    "actix_server",
    "actix_tls",
    "actix_web",
    "actix_web_actors",
    "awc",
    "deadpool",
    "diesel",
    "diesel_async",
    "h2",
    "mio",
    "rustls",
    "rustls_native_certs",
    "tokio",
    "tokio_postgres",
    "tokio_util",
    "tracing_actix_web",
    "want",
];

/// The modules of the hub, one a line.
const MODULES: &str = include_str!(concat!(env!("OUT_DIR"), "/modules.txt"));
const OWN: &str = "message_hub";
/// Of everything that the filter does not name.
pub(super) const USUAL: &str = "info";

/// Reads levels, and levels of modules, separated by commas; gives them as the log takes them. A
/// filter of modules alone leaves the rest as it is, and does not silence it.
pub(super) fn log_filter(text: &str) -> Result<String, String> {
    let directives: Result<Vec<_>, _> = text.split(',').map(str::trim).map(directive).collect();
    let mut directives = directives?;
    if directives.iter().all(|directive| directive.contains('=')) {
        directives.push(USUAL.to_owned());
    }
    Ok(directives.join(","))
}

fn directive(text: &str) -> Result<String, String> {
    let Some((module, level)) = text.split_once('=') else {
        if let Some(level) = known_level(text) {
            return Ok(level.to_owned());
        }
        if let Ok(module) = module_name(text) {
            return Err(format!(
                "{text:?} is a module without a level; say {module}=debug"
            ));
        }
        return Err(no_level(text));
    };
    let module = module_name(module.trim())?;
    let level = known_level(level.trim()).ok_or_else(|| no_level(level.trim()))?;
    Ok(format!("{module}={level}"))
}

fn known_level(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let name = if text == "warning" { "warn" } else { &text };
    LEVELS.into_iter().find(|level| *level == name)
}

fn no_level(text: &str) -> String {
    let meant = nearest(text, LEVELS).map(|level| format!("; did you mean {level}?"));
    format!(
        "{text:?} is no level; they are {}, alone or of a module as in message_hub=debug,warn{}",
        LEVELS.join(", "),
        meant.unwrap_or_default()
    )
}

/// A crate and perhaps modules in it; hyphens of a crate's name are underscores here.
fn module_name(text: &str) -> Result<String, String> {
    let name = text.replace('-', "_");
    let mut parts = name.split("::");
    let first = parts.next().unwrap_or_default();
    let is_word = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if first == OWN && name != OWN {
        return own_module(&name);
    }
    if CRATES.contains(&first) && parts.all(is_word) {
        return Ok(name);
    }
    let meant = nearest(first, CRATES).filter(|meant| *meant != first);
    let meant = meant.map(|meant| format!("; did you mean {meant}?"));
    Err(format!(
        "{text:?} is no module that logs; name message_hub or a module in it, such as \
         message_hub::actors{}",
        meant.unwrap_or_default()
    ))
}

/// A module of the hub; what it does not have would never log.
fn own_module(name: &str) -> Result<String, String> {
    if MODULES.lines().any(|module| module == name) {
        return Ok(name.to_owned());
    }
    // Most are right but for one word, so those beside it come first.
    let parent = name.rsplit_once("::").map_or(OWN, |(parent, _)| parent);
    let beside = MODULES
        .lines()
        .filter(|module| module.rsplit_once("::").is_some_and(|(of, _)| of == parent));
    let meant = nearest(name, beside).or_else(|| nearest(name, MODULES.lines()));
    Err(match meant {
        Some(meant) => format!("{name:?} is no module of the hub; did you mean {meant}?"),
        None => format!("{name:?} is no module of the hub; message_hub stands for all of them"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_modules_are_read() {
        for (text, read) in [
            ("info", "info"),
            ("WARNING", "warn"),
            ("Off", "off"),
            ("message_hub=debug,warn", "message_hub=debug,warn"),
            (
                " message-hub::http = Debug , error",
                "message_hub::http=debug,error",
            ),
            (
                "actix_server=warn,message_hub=trace",
                "actix_server=warn,message_hub=trace,info",
            ),
            ("actix_web=debug", "actix_web=debug,info"),
            (
                "message_hub::http::services::instances=debug",
                "message_hub::http::services::instances=debug,info",
            ),
        ] {
            assert_eq!(log_filter(text).as_deref(), Ok(read), "{text}");
        }
    }

    #[test]
    fn what_would_silence_everything_is_refused_with_what_was_meant() {
        for (text, meant) in [
            ("information", "did you mean info?"),
            ("inf0", "did you mean info?"),
            ("message-hub=debugg", "did you mean debug?"),
            ("mesage_hub=debug", "did you mean message_hub?"),
            ("message_hub", "say message_hub=debug"),
            ("everything", "is no level"),
            ("", "is no level"),
            ("info,", "is no level"),
            ("5", "is no level"),
            ("message_hub::=debug", "is no module"),
            ("message_hub::htpp=debug", "did you mean message_hub::http?"),
            (
                "message_hub::actors::registri=debug",
                "did you mean message_hub::actors::registry?",
            ),
            ("message_hub::http::tests=debug", "is no module"),
            ("[span]=debug", "is no module"),
        ] {
            let refusal = log_filter(text).unwrap_err();
            assert!(refusal.contains(meant), "{text}: {refusal}");
        }
    }
}
