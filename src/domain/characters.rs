//! Which characters a text may have that is printed, logged or part of a path.

/// Whether `text` has 1 to `max` characters, none of them a control character.
pub fn is_label(text: &str, max: usize) -> bool {
    !text.is_empty()
        && (text.len() <= max || text.chars().count() <= max)
        && !text.chars().any(char::is_control)
}

/// As [`is_label`], for texts that are new: all their characters are visible.
pub fn is_visible_label(text: &str, max: usize) -> bool {
    is_label(text, max) && text.chars().all(is_visible)
}

/// Whether a character is seen where it is printed, and changes nothing of what is around it: no
/// control character, none that formats (category Cf of Unicode), no separator of lines.
pub fn is_visible(c: char) -> bool {
    // Most texts are ASCII.
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let formats = matches!(
        u32::from(c),
        0xAD
            | 0x600..=0x605
            | 0x61C
            | 0x6DD
            | 0x70F
            | 0x890..=0x891
            | 0x8E2
            | 0x180E
            | 0x200B..=0x200F
            | 0x2028..=0x202E
            | 0x2060..=0x206F
            | 0xFEFF
            | 0xFFF9..=0xFFFB
            | 0x110BD
            | 0x110CD
            | 0x13430..=0x1343F
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0001..=0xE007F
    );
    !formats && !c.is_control()
}
