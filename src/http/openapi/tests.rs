#[test]
fn dump() {
    let document = super::document::document();
    std::fs::write(
        "/tmp/openapi.json",
        serde_json::to_string_pretty(&document).unwrap(),
    )
    .unwrap();
}
