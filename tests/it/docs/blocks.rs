//! The blocks of a page: what its reader pastes, and what that answers.

use super::lines::lines;
use super::pages::{Page, pages};

const SKIP: &str = "<!-- docs: skip, because ";
/// Blocks that no test runs, over all pages.
const MOST_SKIPPED: usize = 5;

/// What is pasted at once.
#[derive(PartialEq, Debug)]
pub(super) struct Step {
    /// Of the page, where the block begins.
    pub line: usize,
    pub commands: String,
    /// What the block behind it says that they answer; nothing if there is none.
    pub expected: Vec<String>,
}

#[derive(PartialEq, Debug, Default)]
pub(super) struct Blocks {
    pub steps: Vec<Step>,
    pub skipped: usize,
}

/// One fenced block of a page.
struct Block<'a> {
    language: &'a str,
    line: usize,
    text: String,
    is_skipped: bool,
}

/// # Errors
/// A bare block that answers nothing, with the line where it begins.
pub(super) fn blocks(page: &str) -> Result<Blocks, String> {
    let mut found = Blocks::default();
    // Whether the next bare block is the answer to the last step.
    let mut is_asked = false;
    for block in fenced(page) {
        if block.is_skipped {
            found.skipped += 1;
            is_asked = false;
        } else if block.language == "sh" {
            found.steps.push(Step {
                line: block.line,
                commands: block.text,
                expected: Vec::new(),
            });
            is_asked = true;
        } else if block.language.is_empty() {
            let step = found.steps.last_mut().filter(|_| is_asked);
            let step = step.ok_or_else(|| {
                let line = block.line;
                format!("{line}: a block without a language is the answer to the `sh` before it; name a language")
            })?;
            step.expected = lines(&block.text);
            is_asked = false;
        }
    }
    Ok(found)
}

fn fenced(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let (mut is_open, mut is_skipped) = (false, false);
    for (index, line) in page.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            is_open = !is_open;
            if is_open {
                blocks.push(Block {
                    language,
                    line: index + 1,
                    text: String::new(),
                    is_skipped,
                });
            }
            is_skipped = false;
        } else if let Some(block) = blocks.last_mut().filter(|_| is_open) {
            block.text.push_str(line);
            block.text.push('\n');
        } else {
            is_skipped = line.starts_with(SKIP);
        }
    }
    blocks
}

/// The page without its fenced blocks, which have neither headings nor links.
pub(super) fn prose(page: &str) -> String {
    let mut is_open = false;
    let mut is_prose = |line: &&str| {
        let is_fence = line.starts_with("```");
        is_open ^= is_fence;
        !is_open && !is_fence
    };
    let lines: Vec<&str> = page.lines().filter(&mut is_prose).collect();
    lines.join("\n")
}

#[test]
fn few_blocks_are_skipped() {
    let run = pages().into_iter().filter(Page::is_run);
    let skipped = run.map(|page| blocks(&page.text).unwrap().skipped);
    assert!(skipped.sum::<usize>() <= MOST_SKIPPED);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\n\n```sh\necho one\n```\n\nand\n\n```\none\n```\n\n```yaml\nkey: 1\n```\n\
        <!-- docs: skip, because it is slow -->\n```sh\nsleep 9\n```\n```sh\ntrue\n```\n";

    #[test]
    fn a_bare_block_is_the_answer_to_the_one_before() {
        let step = |line, commands: &str, expected: &[&str]| Step {
            line,
            commands: commands.to_owned(),
            expected: expected.iter().map(|line| (*line).to_owned()).collect(),
        };
        let steps = vec![step(3, "echo one\n", &["one"]), step(20, "true\n", &[])];
        assert_eq!(blocks(PAGE), Ok(Blocks { steps, skipped: 1 }));
    }

    #[test]
    fn an_answer_without_a_question_is_refused() {
        let twice = format!("{PAGE}```\n```\n```\nmore\n```\n");
        assert!(blocks(&twice).unwrap_err().starts_with("25: "));
    }

    #[test]
    fn prose_is_what_is_in_no_block() {
        assert_eq!(prose("# One\n```sh\n# no heading\n```\ntwo"), "# One\ntwo");
    }
}
