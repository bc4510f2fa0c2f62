//! The words of a command, and what stands in them for something else.
use super::super::mentions::{has, place_of};
use super::{Lexer, assignment};

/// What ends a word.
const BORDERS: &[u8] = b" \t\n;&|)";

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    /// This very text.
    Said(Vec<u8>),
    /// The value of the variable of this name.
    Value(Vec<u8>),
    /// What the function that runs was called with.
    Argument,
    /// What only the shell can tell: a word, several, or none.
    Unknown,
}

/// What a word ends in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    #[default]
    Plain,
    /// `()`, so that it names a function.
    Function,
    /// The list of an array, behind which no blank is needed.
    Array,
}

/// A word of a command.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Word {
    pub(in super::super) parts: Vec<Part>,
    pub(super) ending: Ending,
    /// Something in it is quoted; all of it stands in one pair of double quotes.
    has_quotes: bool,
    is_one_quote: bool,
    /// Its list would run code if it were a pattern.
    pub(super) is_hazardous: bool,
}

impl Word {
    /// The word that stands for the caller's home.
    pub(in super::super) fn home() -> Word {
        Word {
            parts: vec![Part::Value(b"HOME".to_vec())],
            ..Word::default()
        }
    }

    /// What it says, if nothing in it stands for something else.
    pub(in super::super) fn said(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(b""),
            [Part::Said(text)] => Some(text),
            _ => None,
        }
    }

    /// What it says without any quote, as a reserved word must.
    pub(super) fn bare(&self) -> Option<&[u8]> {
        self.said().filter(|_| !self.has_quotes)
    }

    /// The text that it begins with, whatever is behind that.
    pub(in super::super) fn beginning(&self) -> &[u8] {
        match self.parts.first() {
            Some(Part::Said(text)) => text,
            _ => b"",
        }
    }

    /// Whether a command of this name is a file, whatever the values in it are: there is a slash in its first word.
    pub(in super::super) fn is_path(&self) -> bool {
        let says = |part: &Part| matches!(part, Part::Said(text) if text.contains(&b'/'));
        self.beginning().contains(&b'/')
            || self.is_one_quote && !self.has_list() && self.parts.iter().any(says)
    }

    /// Whether a value in it is not kept from being more than text by quotes.
    pub(in super::super) fn is_loose(&self) -> bool {
        !self.is_one_quote && self.said().is_none()
    }

    /// Whether it may turn out to be no word at all, so that the next one takes its place.
    pub(super) fn may_vanish(&self) -> bool {
        let says = |part: &Part| matches!(part, Part::Said(_));
        (!self.has_quotes || self.has_list()) && !self.parts.iter().any(says)
    }

    /// Whether something in it may be several words, or none, in quotes too.
    fn has_list(&self) -> bool {
        let is_list = |part: &Part| matches!(part, Part::Argument | Part::Unknown);
        self.parts.iter().any(is_list)
    }

    /// The variable that it assigns to, and the value if it is said. `raw` is what the word was read from.
    pub(super) fn assignment<'w>(&'w self, raw: &'w [u8]) -> Option<(&'w [u8], Option<&'w [u8]>)> {
        let (name, _) = assignment(raw)?;
        let value = self.said().and_then(assignment).map(|(_, value)| value);
        let is_plain = raw.get(name.len()) == Some(&b'=');
        Some((name, value.filter(|_| is_plain)))
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if let Some(Part::Said(text)) = self.parts.last_mut() {
            text.extend_from_slice(bytes);
        } else {
            self.parts.push(Part::Said(bytes.to_vec()));
        }
    }

    pub(super) fn add(&mut self, part: Part) {
        match part {
            Part::Said(text) => self.push(&text),
            other => self.parts.push(other),
        }
    }
}

impl Lexer<'_> {
    /// Whether a word would end here.
    pub(super) fn ends_word(&self) -> bool {
        self.peek().is_none_or(|byte| BORDERS.contains(&byte)) || self.redirects()
    }

    /// Reads a word, which may be empty.
    pub(super) fn word(&mut self) -> Option<Word> {
        let start = self.at;
        let mut word = Word::default();
        while let Some(byte) = self
            .peek()
            .filter(|_| word.ending != Ending::Array && !self.ends_word())
        {
            match byte {
                b'\\' => {
                    word.has_quotes = true;
                    self.at += 1;
                    // A joined line makes one word of two, and of signs that would be read one by one.
                    let escaped = self.peek().filter(|byte| *byte != b'\n')?;
                    self.has_quoted_values |= self.rest().starts_with(b"${");
                    word.push(&[escaped]);
                    self.at += 1;
                }
                b'\'' => {
                    word.has_quotes = true;
                    self.at += 1;
                    let length = place_of(b'\'', self.rest())?;
                    let text = &self.code[self.at..self.at + length];
                    self.has_quoted_values |= has(text, b"${");
                    word.push(text);
                    self.at += length + 1;
                }
                b'"' => {
                    let is_first = self.at == start;
                    word.has_quotes = true;
                    self.double_quotes(&mut word)?;
                    word.is_one_quote = is_first && self.ends_word();
                }
                b'`' => {
                    self.backticks()?;
                    word.add(Part::Unknown);
                }
                b'$' => {
                    let part = self.dollar(false)?;
                    word.add(part);
                }
                b'(' => self.inner_parentheses(start, &mut word)?,
                b'~' if self.at == start && self.is_home() => {
                    self.at += 1;
                    word.add(Part::Value(b"HOME".to_vec()));
                }
                b'<' | b'>' => {
                    self.at += 1;
                    if self.peek() == Some(b'(') {
                        self.group(true)?;
                    } else {
                        // A range of numbers.
                        self.at += place_of(b'>', self.rest())? + 1;
                    }
                    word.add(Part::Unknown);
                }
                b'=' if self.at == start => {
                    self.at += 1;
                    word.add(Part::Unknown);
                }
                b'{' | b'}' | b'[' | b']' if self.is_plain(start) => {
                    while !self.ends_word() {
                        word.push(&[byte]);
                        self.at += 1;
                    }
                }
                b'~' | b'*' | b'?' | b'^' | b'#' | b'{' | b'}' | b'[' | b']' => {
                    self.at += 1;
                    word.add(Part::Unknown);
                }
                _ => {
                    let rest = self.rest();
                    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-./:,%+@=!".contains(b);
                    let length = rest.iter().take_while(|b| is_plain(b)).count().max(1);
                    word.push(&self.code[self.at..self.at + length]);
                    self.at += length;
                }
            }
        }
        Some(word)
    }

    /// Whether `~` stands for the caller's home here.
    fn is_home(&self) -> bool {
        match self.code.get(self.at + 1) {
            None | Some(b'/') => true,
            Some(next) => BORDERS.contains(next),
        }
    }

    /// Whether the word that begins here is a brace or bracket that stands for itself: `{`, `}`, `[`, `[[`, `]]`, `]`.
    fn is_plain(&self, start: usize) -> bool {
        let (byte, rest) = (self.code[start], &self.code[start + 1..]);
        let rest = match rest {
            [second, rest @ ..] if *second == byte && b"[]".contains(&byte) => rest,
            _ => rest,
        };
        self.at == start && rest.first().is_none_or(|next| BORDERS.contains(next))
    }
}
