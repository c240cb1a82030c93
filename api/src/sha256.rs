//! SHA-256 (FIPS 180-4), for the tokens of pages: nothing here is secret.

/// The digest of `message` in lower-case hexadecimal.
pub(crate) fn sha256_hex(message: &[u8]) -> String {
    let mut state = INITIAL;
    for block in padded(message).as_chunks::<64>().0 {
        compress(&mut state, block);
    }
    state.iter().map(|word| format!("{word:08x}")).collect()
}

/// The message, a one bit, zeros, and the length in bits: whole blocks of 64 bytes.
fn padded(message: &[u8]) -> Vec<u8> {
    let mut out = message.to_vec();
    out.push(0x80);
    while out.len() % 64 != 56 {
        out.push(0);
    }
    out.extend_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    out
}

fn compress(state: &mut [u32; 8], block: &[u8; 64]) {
    let schedule = schedule(block);
    let mut s = *state;
    for (constant, word) in ROUNDS.iter().zip(schedule) {
        let [a, b, c, d, e, f, g, h] = s;
        let big_1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t1 = h.wrapping_add(big_1).wrapping_add(choice).wrapping_add(*constant).wrapping_add(word);
        let big_0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let t2 = big_0.wrapping_add(majority);
        s = [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g];
    }
    for (word, change) in state.iter_mut().zip(s) {
        *word = word.wrapping_add(change);
    }
}

fn schedule(block: &[u8; 64]) -> [u32; 64] {
    let mut w = [0u32; 64];
    for (word, bytes) in w.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for i in 16..64 {
        let small_0 = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ (w[i - 15] >> 3);
        let small_1 = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16].wrapping_add(small_0).wrapping_add(w[i - 7]).wrapping_add(small_1);
    }
    w
}

/// The first 32 bits of the fractional parts of the square roots of the first 8 primes.
const INITIAL: [u32; 8] = fractions_of_roots(2);
/// The same of the cube roots of the first 64.
const ROUNDS: [u32; 64] = fractions_of_roots(3);

const fn fractions_of_roots<const N: usize>(power: u32) -> [u32; N] {
    let mut fractions = [0; N];
    let mut prime = 2;
    let mut i = 0;
    while i < N {
        fractions[i] = (integer_root(prime << (32 * power), power) & 0xffff_ffff) as u32;
        prime = next_prime(prime);
        i += 1;
    }
    fractions
}

const fn next_prime(n: u128) -> u128 {
    let mut candidate = n + 1;
    let mut divisor = 2;
    while divisor < candidate {
        if candidate.is_multiple_of(divisor) {
            candidate += 1;
            divisor = 2;
        } else {
            divisor += 1;
        }
    }
    candidate
}

/// The largest r with r^power ≤ n, bit by bit. Roots here have at most 37 bits, so that no power overflows.
const fn integer_root(n: u128, power: u32) -> u128 {
    let mut root = 0u128;
    let mut bit = 37;
    while bit > 0 {
        bit -= 1;
        let candidate = root | 1 << bit;
        if candidate.pow(power) <= n {
            root = candidate;
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_digests() {
        for (message, digest) in [
            (String::new(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc".to_owned(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".to_owned(),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            ("a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ] {
            assert_eq!(sha256_hex(message.as_bytes()), digest);
        }
    }
}
