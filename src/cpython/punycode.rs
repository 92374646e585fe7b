//! Punycode ([RFC 3492](https://www.rfc-editor.org/rfc/rfc3492)), as Python's codec of that name writes it: symbols in C are
//! ASCII, modules' names need not be.

const BASE: u32 = 36;
const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// The first code point that is not ASCII, and the bias to start with.
const START: (u32, u32) = (128, 72);
/// Longest text that is decoded, in bytes.
const LONGEST: usize = 255;

/// Encodes text; `None` where the numbers grow too large.
pub(super) fn encode(text: &str) -> Option<String> {
    let mut output: String = text.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(output.len()).ok()?;
    if basic > 0 {
        output.push('-');
    }
    let (mut code, mut bias) = START;
    let (mut delta, mut handled) = (0_u32, basic);
    let total = u32::try_from(text.chars().count()).ok()?;
    while handled < total {
        let next = text
            .chars()
            .map(u32::from)
            .filter(|letter| *letter >= code)
            .min()?;
        delta = delta.checked_add((next - code).checked_mul(handled + 1)?)?;
        code = next;
        for letter in text.chars().map(u32::from) {
            if letter < code {
                delta = delta.checked_add(1)?;
            }
            if letter == code {
                push_integer(&mut output, delta, bias);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(output)
}

fn push_integer(output: &mut String, mut value: u32, bias: u32) {
    let mut digit = |digit: u32| {
        output.push(
            DIGITS
                .get(digit as usize)
                .map_or('0', |byte| char::from(*byte)),
        )
    };
    for step in (BASE..).step_by(BASE as usize) {
        let threshold = step.saturating_sub(bias).clamp(1, 26);
        if value < threshold {
            break;
        }
        digit(threshold + (value - threshold) % (BASE - threshold));
        value = (value - threshold) / (BASE - threshold);
    }
    digit(value);
}

/// Decodes text in which `-` was written as `_`.
pub(super) fn decode(encoded: &str) -> Option<String> {
    let (basic, digits) = encoded.rsplit_once('_').unwrap_or(("", encoded));
    let mut output: Vec<char> = basic.chars().collect();
    if !encoded.is_ascii() || digits.is_empty() || encoded.len() > LONGEST {
        return None;
    }
    let (mut code, mut bias) = START;
    let mut position = 0_u32;
    let mut digits = digits.bytes().peekable();
    while digits.peek().is_some() {
        let (before, mut weight) = (position, 1_u32);
        for step in (BASE..).step_by(BASE as usize) {
            let digit = match digits.next()? {
                letter @ b'a'..=b'z' => u32::from(letter - b'a'),
                letter @ b'A'..=b'Z' => u32::from(letter - b'A'),
                number @ b'0'..=b'9' => u32::from(number - b'0') + 26,
                _ => return None,
            };
            position = position.checked_add(digit.checked_mul(weight)?)?;
            let threshold = step.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
        }
        let length = u32::try_from(output.len()).ok()? + 1;
        bias = adapt(position - before, length, before == 0);
        code = code.checked_add(position / length)?;
        position %= length;
        output.insert(position as usize, char::from_u32(code)?);
        position += 1;
    }
    Some(output.into_iter().collect())
}

fn adapt(delta: u32, length: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / length;
    let mut steps = 0;
    while delta > 455 {
        delta /= 35;
        steps += 36;
    }
    steps + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_as_python_does() {
        // Written by `text.encode("punycode")` of CPython 3.13.
        let pairs = [
            ("lančmít", "lanmt-2sa6t"),
            ("スパム", "zck5b2b"),
            ("zażółć", "za-6ja4f8n1l"),
            ("ünïcode", "ncode-cta3g"),
            ("my_möd", "my_md-mua"),
            ("é", "9ca"),
            ("Ñandú", "and-jja2s"),
            ("модуль", "d1aobi0a9c"),
            ("x😀y", "xy-no82a"),
            ("日本語_c", "_c-5t7du0ck91h"),
        ];
        for (text, encoded) in pairs {
            assert_eq!(encode(text).as_deref(), Some(encoded), "{text}");
            assert_eq!(
                decode(&encoded.replace('-', "_")).as_deref(),
                Some(text),
                "{encoded}"
            );
        }
    }

    #[test]
    fn what_is_no_punycode_is_refused() {
        for encoded in ["", "a_", "!!!", "zażółć", "99999999", &"a".repeat(300)] {
            assert_eq!(decode(encoded), None, "{encoded}");
        }
    }
}
