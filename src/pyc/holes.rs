//! Zeros where a file system has lost data: after a power cut a file may have its size and not its content.
//!
//! They need not hurt the form of the code: in the middle of a string constant or of a line table any bytes will do.

/// What file systems write as a whole, in bytes, counted from the beginning of a file.
const BLOCK: usize = 4096;
/// Whole code ends in no more zeros than this: a number of 4 bytes, or an empty string. Any other contents of its
/// last object, which is a table of lines or of exceptions, has other bytes in between.
const MOST_ZEROS: usize = 4;

/// Whether a cache, its header included, looks as if a part of it had never been written. Code that really has such
/// a block, in a constant, is taken for it.
#[must_use]
pub fn has_holes(file: &[u8]) -> bool {
    let (blocks, _) = file.as_chunks::<BLOCK>();
    file.iter().rev().take_while(|byte| **byte == 0).count() > MOST_ZEROS || blocks.contains(&[0; BLOCK])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_tails_of_zeros_are_holes() {
        let mut file = vec![1; 3 * BLOCK + 7];
        assert!(!has_holes(&file) && !has_holes(&[]));
        file.extend([0; MOST_ZEROS]);
        assert!(!has_holes(&file));
        file.push(0);
        assert!(has_holes(&file));
        file.push(1);
        file[BLOCK - 1..2 * BLOCK - 1].fill(0);
        assert!(!has_holes(&file), "a constant");
        file[2 * BLOCK - 1] = 0;
        assert!(has_holes(&file));
    }
}
