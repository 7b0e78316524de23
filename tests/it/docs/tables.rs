//! What the tables of a reference name, in backticks.

use std::collections::BTreeSet;

/// What stands in backticks, in the order of the text.
pub(super) fn named(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('`').enumerate();
    parts.filter_map(|(index, part)| (index % 2 == 1).then_some(part))
}

/// The rows of all tables of a page, each with its cells.
pub(super) fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// What the first cells of the tables name.
pub(super) fn first_cells(page: &str) -> BTreeSet<&str> {
    rows(page).flat_map(|cells| named(cells[0])).collect()
}

/// What only one of the two has: first what the page lacks, then what it has too much.
pub(super) fn differences<T: Ord + Clone>(
    of_the_code: &BTreeSet<T>,
    of_the_page: &BTreeSet<T>,
) -> (Vec<T>, Vec<T>) {
    let missing = of_the_code.difference(of_the_page).cloned().collect();
    let invented = of_the_page.difference(of_the_code).cloned().collect();
    (missing, invented)
}

#[test]
fn tables_are_read_cell_by_cell() {
    let page = "| code | |\n|---|---|\n| `A`, `B` | also `C` |\n\nand `D`\n| 7 | |\n";
    assert_eq!(first_cells(page), BTreeSet::from(["A", "B"]));
    let cells: Vec<_> = rows(page).map(|cells| cells[0]).collect();
    assert_eq!(cells, ["code", "`A`, `B`", "7"]);
    let (code, page) = (BTreeSet::from([1, 2]), BTreeSet::from([2, 3]));
    assert_eq!(differences(&code, &page), (vec![1], vec![3]));
}
