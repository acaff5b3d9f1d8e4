//! Bytes of a manifest to text.

use std::io::{self, Read};

use super::Fault;
use crate::source::dump;

/// Reads a text of at most `limit` bytes.
pub(super) fn read(from: impl Read, limit: u64) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    decode(bytes)
}

pub(super) fn too_large(limit: u64) -> Fault {
    Fault::whole(format!("larger than {}, the bound for manifests", dump::size(limit)))
        .hinted("name the manifests alone, in files that are smaller")
}

/// What an error of the system means to who named the file.
pub(super) fn failed(error: &io::Error) -> Fault {
    Fault::whole(match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    })
}

/// The text of a file's bytes.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String, Fault> {
    let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if wide {
        return dump::decode(bytes).map_err(Fault::whole);
    }
    let binary = bytes.iter().position(|byte| *byte == 0);
    let wrong = std::str::from_utf8(&bytes).err().map(|error| error.valid_up_to());
    let Some(at) = binary.into_iter().chain(wrong).min() else {
        return String::from_utf8(bytes).map_err(|_| Fault::whole("not a text in UTF-8"));
    };
    let message = if binary == Some(at) {
        "a zero byte: this is no text".to_owned()
    } else {
        format!("the byte 0x{:02x} is not UTF-8", bytes.get(at).copied().unwrap_or_default())
    };
    let before = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Err(Fault { place: Some((line, column)), ..Fault::whole(message) }.hinted("save it as UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bytes: &[u8]) -> Option<(usize, usize)> {
        read(bytes, 100).unwrap_err().place
    }

    #[test]
    fn bytes_that_are_no_text_are_told_by_their_place() {
        assert_eq!(read(&b"\xef\xbb\xbfa: 1"[..], 100).as_deref(), Ok("\u{feff}a: 1"));
        assert_eq!(read(&b"\xff\xfea\0"[..], 100).as_deref(), Ok("a"));
        assert_eq!(place(b"a: 1\nb: \xe9\n"), Some((2, 4)));
        assert_eq!(place(b"a\nbc\0\xff"), Some((2, 3)));
        assert_eq!(place(b"\x7fELF\0"), Some((1, 5)));
    }

    #[test]
    fn texts_have_a_bound() {
        assert!(read(&[b'a'; 100][..], 100).is_ok());
        let told = read(&[b'a'; 101][..], 100).unwrap_err().message;
        assert_eq!(told, "larger than 100 bytes, the bound for manifests");
    }
}
