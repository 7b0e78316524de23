//! One header of a request.

/// What the header says, if the line is one of this name.
pub(super) fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (given, value) = line.split_at_checked(name.len())?;
    // Of nearly all lines the length or the first letter is enough.
    let is_it = given[0] | 0x20 == name[0] && given.eq_ignore_ascii_case(name);
    is_it.then(|| value.trim_ascii())
}
