//! What people are shown.

/// Panics unless a text is one line that cannot drive a terminal.
pub fn assert_harmless(text: &str) {
    let harms = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(harms), "it could drive a terminal: {text:?}");
}
