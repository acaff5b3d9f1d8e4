//! Bytes to text.

/// The text of a file: UTF-8, or UTF-16 with its mark, as PowerShell's `>` writes it.
pub(in crate::source) fn decode(bytes: Vec<u8>) -> Result<String, &'static str> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| "not a text in UTF-16")
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).map_err(|_| NOT_UTF8),
        _ => String::from_utf8(bytes).map_err(|_| NOT_UTF8),
    }
}

const NOT_UTF8: &str = "not a text in UTF-8";
